// What goes to and comes from the functions, made from their OpenAPI descriptions: `make types`.

export type paths = Record<string, never>;
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /**
         * @description How the bytes travel. form: a multipart POST, the file last. put: a plain PUT. relay: a PUT to this function, which uploads. credentials: temporary keys for the vendor's SDK (off by default).
         * @enum {string}
         */
        Mode: "form" | "put" | "relay" | "credentials";
        /** @description Checksums of the file, as far as the caller knows them */
        Checksums: {
            /** @description Base64 of the 16 bytes. In put mode a signed Content-MD5. */
            md5?: string | null;
            /** @description Hex */
            sha256?: string | null;
            /** @description CRC-64/XZ as a decimal string: beyond 2^53, a JSON number would lose digits */
            crc64?: string | null;
        } & {
            [key: string]: unknown;
        };
        /** @description The flow's parameters. Which of them a caller may set is the operator's policy; another is 403. */
        Params: {
            /** @description CAMS customer space */
            cust_space_id?: string | null;
            /** @description LKE application id; always a string, its 19 digits do not fit a JSON number */
            bot_biz_id?: string | null;
            /** @description LKE application id; always a string, its 19 digits do not fit a JSON number */
            app_id?: string | null;
            /** @description LKE: by default true for jpg, jpeg, png and bmp of a chat */
            is_public?: boolean | null;
            /**
             * @description LKE: knowledge-base document, or chat file
             * @enum {string|null}
             */
            type_key?: "offline" | "realtime" | null;
            /** @description LKE: the chat's session, which docParse wants */
            session_id?: string | null;
            /** @description The end user, as the vendor will know them */
            user_id?: string | null;
            /** @description The end user's address */
            user_client_ip?: string | null;
            /** @description aicontent: kind of evaluation, as in en.sent.score */
            core_type?: string | null;
            /** @description aicontent: the evaluation's request object (refText and the like), at most 2048 bytes of JSON */
            text?: Record<string, unknown> | null;
            /** @description AICC: display name */
            user_name?: string | null;
            /** @description AICC: configuration id of the web channel */
            channel_id?: string | null;
            /** @description AICC: as in en or en_US */
            locale?: string | null;
            /** @description DashScope: the model that will read the file */
            model?: string | null;
            /** @description Bailian: the workspace */
            workspace_id?: string | null;
            /** @description Bailian: the category, as AddCategory answers it */
            category_id?: string | null;
            /**
             * @description Bailian: for a knowledge base, or for one conversation
             * @enum {string|null}
             */
            category_type?: "UNSTRUCTURED" | "SESSION_FILE" | null;
        };
        /** @description Unknown members are ignored, null counts as absent. */
        GrantRequest: {
            /** @description The caller's file name: at most 255 characters, no slash, backslash or control character. Never part of key or headers. */
            filename: string;
            /** @description Absent or application/octet-stream: guessed from the extension. 415 if the two contradict. */
            content_type?: string | null;
            /** @description Bytes. Where it is given the grant takes exactly so many. */
            size?: number | null;
            checksums?: components["schemas"]["Checksums"] | null;
            mode?: components["schemas"]["Mode"] | null;
            params?: components["schemas"]["Params"] | null;
        };
        /** @description Several files at once. Counts only where no file is named beside it. */
        GrantListRequest: {
            /** @description A request each. An object that is none is answered by a problem in its place. */
            files: components["schemas"]["GrantRequest"][];
        };
        /** @description A grant or a problem for each file, in their order. Pointers in a problem are into its own file. */
        GrantList: {
            grants: (components["schemas"]["Grant"] | components["schemas"]["Problem"])[];
        };
        /** @description An upload for the function to do by itself: what to ask for, and where the bytes are */
        UploadJob: {
            /** @description Names the job over all its deliveries; absent: the message's own id */
            id?: string;
            source: {
                /**
                 * Format: uri
                 * @description https, host in GRANT_SOURCE_HOSTS
                 */
                url: string;
            } | {
                base64: string;
            } | {
                /** @description Bucket in GRANT_SOURCE_BUCKETS */
                s3: {
                    bucket: string;
                    key: string;
                    version_id?: string;
                };
            };
            notify?: {
                /**
                 * Format: uri
                 * @description https, host in GRANT_NOTIFY_HOSTS
                 */
                url: string;
            };
        } & components["schemas"]["GrantRequest"];
        /** @description Bounds of the upload; with size given, min_bytes = max_bytes = size */
        Limits: {
            min_bytes: number;
            max_bytes: number;
            content_types: string[];
            /** @description What the receiver refuses by itself. The rest is agreed, not enforced. */
            enforced: ("key" | "size" | "type" | "expiry" | "no-overwrite" | "md5")[];
        };
        /** @description The object as the store will know it */
        Object: {
            bucket: string;
            /** @description As in signatures */
            region?: string;
            /**
             * Format: uri
             * @description Store address without bucket
             */
            endpoint: string;
            /**
             * Format: uri
             * @description Final URL of the object, unsigned
             */
            location: string;
        };
        /** @description What the vendor's next call wants back */
        GrantVendor: {
            /** @description The vendor's id of the call */
            request_id?: string;
            /** @description Workorder: dir/name */
            attachment?: string;
            /** @description LKE: with its leading slash */
            upload_path?: string;
            /** @description LKE: where the file can be read */
            file_url?: string;
            /** @description aicontent: what the evaluation is paid by */
            warrant_id?: string;
            /** @description aicontent */
            app_id?: string;
            /** @description aicontent */
            user_id?: string;
            /** @description Bailian: what AddFile takes */
            lease_id?: string;
        };
        /** @description Temporary keys; only in credentials mode */
        Credentials: {
            accessKeyId: string;
            secretAccessKey: string;
            sessionToken: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC
             */
            expiration: string;
        };
        /** @description How to turn the upload into a receipt */
        Complete: {
            /** @description Sealed; taken until 24 hours after expires_at */
            token: string;
            /** @description Response headers, or reply members, worth sending to /complete */
            collect: string[];
        };
        /** @description A ready-to-send permission to upload one file */
        Grant: {
            /** @constant */
            version: 1;
            /** @description ULID */
            id: string;
            /**
             * @description Name of the function
             * @enum {string}
             */
            flow: "alibaba-chatapp" | "alibaba-workorder" | "tencent-lke" | "alibaba-aicontent" | "huawei-aicc" | "alibaba-dashscope" | "alibaba-bailian";
            mode: components["schemas"]["Mode"];
            /** @enum {string} */
            method: "POST" | "PUT";
            /**
             * Format: uri
             * @description Where the bytes go
             */
            url: string;
            /** @description Exactly the headers to send; may be empty; never Host, Content-Length or Date */
            headers: {
                [key: string]: string;
            };
            /** @description Form fields in sending order; only in form mode */
            fields?: {
                [key: string]: string;
            };
            /** @description Name of the file part, which goes last; only in form mode */
            file_field?: string;
            /** @description Object key */
            key: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC
             */
            issued_at: string;
            /**
             * Format: date-time
             * @description RFC 3339, UTC
             */
            expires_at: string;
            /** @description Whole seconds left at issue */
            expires: number;
            limits: components["schemas"]["Limits"];
            success_status: number[];
            object?: components["schemas"]["Object"];
            vendor?: components["schemas"]["GrantVendor"];
            credentials?: components["schemas"]["Credentials"];
            /** @description Constructor arguments of the vendor's SDK; only in credentials mode */
            sdk?: {
                "ali-oss"?: Record<string, unknown>;
                "cos-js-sdk-v5"?: Record<string, unknown>;
            };
            /** @description aicontent, form mode: evaluation over WebSocket, while the user speaks. connect and start go as text frames, the audio in binary frames, an empty one ends it; the last frame that comes back is the result */
            stream?: {
                /** Format: uri */
                url: string;
                connect: Record<string, unknown>;
                start: Record<string, unknown>;
            };
            complete?: components["schemas"]["Complete"];
        } & ({
            /** @constant */
            mode?: "form";
            /** @constant */
            method?: "POST";
            fields: {
                [key: string]: string;
            };
            file_field: string;
            credentials?: never;
            sdk?: never;
        } | {
            /** @constant */
            mode?: "put";
            /**
             * @description PUT, but where the vendor's own URL is for POST
             * @enum {string}
             */
            method?: "PUT" | "POST";
            stream?: never;
            fields?: never;
            file_field?: never;
            credentials?: never;
            sdk?: never;
        } | {
            /** @constant */
            mode?: "relay";
            /** @constant */
            method?: "PUT";
            stream?: never;
            fields?: never;
            file_field?: never;
            credentials?: never;
            sdk?: never;
            object?: never;
            vendor?: never;
        } | {
            /** @constant */
            mode?: "credentials";
            /** @constant */
            method?: "PUT";
            stream?: never;
            fields?: never;
            file_field?: never;
            credentials: Record<string, unknown>;
            sdk: Record<string, unknown>;
        });
        /** @description What Uppy's Companion answers */
        CompanionParams: {
            /** @constant */
            method: "POST";
            /** Format: uri */
            url: string;
            fields: {
                [key: string]: string;
            };
            headers: {
                [key: string]: string;
            };
            expires: number;
            key: string;
        };
        /** @description Unknown members are ignored, null and empty strings count as absent. */
        CompleteRequest: {
            /** @description complete.token of the grant */
            token: string;
            size?: number | null;
            etag?: string | null;
            /** @description CRC-64/XZ as a decimal string: beyond 2^53, a JSON number would lose digits */
            crc64?: string | null;
            checksums?: components["schemas"]["Checksums"] | null;
            /** @description aicontent: recordId of the evaluation */
            record_id?: string | null;
        };
        /** @description The vendor's next call: names of the actions that take these parameters, and the parameters */
        Handoff: {
            actions: string[];
            params: Record<string, unknown>;
            /** @description Names of what the call wants besides, which only the application knows */
            needs?: string[];
        };
        /** @description Vendor-native values */
        ReceiptVendor: {
            /** @description The vendor's id of the call */
            request_id?: string;
            /** @description Workorder: dir/name */
            attachment?: string;
            /** @description LKE: with its leading slash */
            upload_path?: string;
            /** @description aicontent */
            app_id?: string;
            /** @description aicontent */
            user_id?: string;
            /** @description aicontent: the evaluation */
            record_id?: string;
            /** @description aicontent: what the evaluation said */
            result?: unknown;
            /** @description Bailian: what AddFile takes */
            lease_id?: string;
        };
        /** @description Proof of an upload */
        Receipt: {
            /** @constant */
            version: 1;
            /** @description ULID */
            id: string;
            /** @description The queue job, if it was one */
            job_id?: string;
            /** @description Whose job it was, where a caller sent it */
            caller?: string;
            /**
             * @description Name of the function
             * @enum {string}
             */
            flow: "alibaba-chatapp" | "alibaba-workorder" | "tencent-lke" | "alibaba-aicontent" | "huawei-aicc" | "alibaba-dashscope" | "alibaba-bailian";
            /** @description The caller's */
            filename: string;
            /** @description Object key, or the vendor's own handle */
            key: string;
            /** Format: uri */
            location?: string;
            size?: number;
            /** @description Quoted, as stores write it */
            etag?: string;
            /** @description CRC-64/XZ as a decimal string: beyond 2^53, a JSON number would lose digits */
            crc64?: string;
            /** @description Lower-case hex */
            sha256?: string;
            /**
             * @description client: the caller's word. function: this function moved the bytes and checked the store's answer.
             * @enum {string}
             */
            verified: "client" | "function";
            /**
             * Format: date-time
             * @description RFC 3339, UTC
             */
            uploaded_at: string;
            vendor?: components["schemas"]["ReceiptVendor"];
            handoff?: components["schemas"]["Handoff"];
            /** @description What the vendor made of the upload, where the job went on to that */
            document?: {
                /** @description The vendor's */
                id: string;
                /** @description As the vendor says it */
                status: unknown;
            };
        } & unknown;
        /** @description RFC 9457 problem; code is the member to decide on */
        Problem: {
            type: string;
            title: string;
            status: number;
            detail: string;
            /** @enum {string} */
            code: "invalid_request" | "invalid_filename" | "length_required" | "too_large" | "unsupported_type" | "unauthenticated" | "forbidden" | "not_found" | "method_not_allowed" | "rate_limited" | "vendor_throttled" | "store_unavailable" | "vendor_auth_failed" | "vendor_not_subscribed" | "vendor_bad_response" | "vendor_clock_skew" | "vendor_rejected" | "vendor_unavailable" | "vendor_timeout" | "grant_expired" | "complete_mismatch" | "already_used" | "upload_failed" | "source_failed" | "source_refused" | "checksum_mismatch" | "config_missing" | "internal";
            retryable: boolean;
            /** @description Seconds; there exactly when retryable. The header Retry-After is its ceiling. */
            retry_after?: number;
            /**
             * @description Name of the function
             * @enum {string}
             */
            flow: "alibaba-chatapp" | "alibaba-workorder" | "tencent-lke" | "alibaba-aicontent" | "huawei-aicc" | "alibaba-dashscope" | "alibaba-bailian";
            request_id: string;
            job_id?: string;
            /** @description Whose job it was, in webhooks */
            caller?: string;
            /** @description What the vendor said; never its message */
            vendor?: {
                code?: string;
                request_id?: string;
                http_status?: number;
            };
            errors?: {
                /** @description JSON pointer (RFC 6901) */
                pointer: string;
                detail: string;
            }[];
            /** @description Same as detail */
            error: string;
        };
        BatchItemFailures: {
            batchItemFailures: {
                itemIdentifier: string;
            }[];
        };
        Health: {
            /** @constant */
            status: "ok";
            /**
             * @description Name of the function
             * @enum {string}
             */
            flow: "alibaba-chatapp" | "alibaba-workorder" | "tencent-lke" | "alibaba-aicontent" | "huawei-aicc" | "alibaba-dashscope" | "alibaba-bailian";
            version: string;
            /** @description Settings that are missing or wrong, by name */
            missing: string[];
            /** @description The store that instances share, if there is one, as the last use of it went */
            store?: {
                /** @enum {string} */
                name: "Redis" | "DynamoDB";
                /** @description The store's own word for what is wrong, like READONLY, or Timeout, Io; null if nothing is */
                fault: string | null;
            };
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type Mode = components['schemas']['Mode'];
export type Checksums = components['schemas']['Checksums'];
export type Params = components['schemas']['Params'];
export type GrantRequest = components['schemas']['GrantRequest'];
export type GrantListRequest = components['schemas']['GrantListRequest'];
export type GrantList = components['schemas']['GrantList'];
export type UploadJob = components['schemas']['UploadJob'];
export type Limits = components['schemas']['Limits'];
export type Object = components['schemas']['Object'];
export type GrantVendor = components['schemas']['GrantVendor'];
export type Credentials = components['schemas']['Credentials'];
export type Complete = components['schemas']['Complete'];
export type Grant = components['schemas']['Grant'];
export type CompanionParams = components['schemas']['CompanionParams'];
export type CompleteRequest = components['schemas']['CompleteRequest'];
export type Handoff = components['schemas']['Handoff'];
export type ReceiptVendor = components['schemas']['ReceiptVendor'];
export type Receipt = components['schemas']['Receipt'];
export type Problem = components['schemas']['Problem'];
export type BatchItemFailures = components['schemas']['BatchItemFailures'];
export type Health = components['schemas']['Health'];
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
