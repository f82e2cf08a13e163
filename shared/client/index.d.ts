import type { Complete, Grant, GrantRequest, Mode, Problem, Receipt } from "./upload-grant";

export type { Grant, GrantRequest, Problem, Receipt };

/** A file to upload: a `File`, a `Blob` with a name, or as React Native gives it. */
export type Source = (Blob & { readonly name: string }) | { uri: string; name: string; type?: string };

export interface AskOptions {
  /** For the caller check, as in `{ authorization: "Bearer …" }`. */
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

export interface Options extends AskOptions {
  /** How the bytes travel; default: as the function likes. Falls back to relay where that cannot be had. */
  mode?: Exclude<Mode, "credentials">;
  params?: GrantRequest["params"];
  /** Is told the part sent, 0 to 1, and from 0 again if it is sent again; without XMLHttpRequest only the 1. */
  onProgress?: (part: number) => void;
  /** MD5 and CRC-64 before asking, so that other bytes are refused. Default true. */
  hash?: boolean;
  /** A grant to begin with, from `ask`. */
  grant?: Grant;
  /** Is told each grant before it is used. */
  onGrant?: (grant: Grant) => void;
  /** Further attempts after failures that pass. Default 3. */
  retry?: number;
}

/** A problem of the function; or `upload_failed`: the store's refusal; `network`: no answer that may be read; `gateway`: an answer of something before the function. */
export interface Trouble extends Partial<Omit<Problem, "code" | "detail" | "retryable">> {
  code: Problem["code"] | "network" | "gateway";
  detail: string;
  retryable: boolean;
}

export type UploadError = Error & Trouble;

/** Asks, sends, completes. Fails with an UploadError, or the signal's reason. */
export function upload(fn: string, file: Source, options?: Options): Promise<Receipt>;

/** Of one file among several. */
export interface OneOptions extends Pick<Options, "signal" | "onGrant" | "onProgress"> {
  /** Is told as soon as this file is through. */
  onResult?: (result: PromiseSettledResult<Receipt>) => void;
}

export interface ManyOptions extends Omit<Options, "grant" | "onGrant" | "onProgress"> {
  /** Files at a time. Default 3. */
  parallel?: number;
  onProgress?: (part: number, index: number) => void;
  /** What is another for each file. */
  each?: (index: number) => OneOptions;
}

/** Uploads several files, asking for twenty at once. One result per file, in order. */
export function uploadAll(fn: string, files: Iterable<Source>, options?: ManyOptions): Promise<PromiseSettledResult<Receipt>[]>;

/** One grant, asked for once. */
export function ask(fn: string, request: GrantRequest, options?: AskOptions): Promise<Grant>;

/** What the sender knows of an upload. */
export interface Facts {
  size?: number | null;
  etag?: string | null;
  crc64?: string | null;
  record_id?: string | null;
}

/** The receipt of an upload that something else sent by `grant`. */
export function complete(fn: string, grant: { complete?: Complete }, facts?: Facts, options?: AskOptions): Promise<Receipt>;

/** MD5 in base64 and CRC-64/XZ in decimal, read in chunks. */
export function checksums(blob: Blob): Promise<{ md5: string; crc64: string }>;
