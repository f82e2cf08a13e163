import type { Grant, Options } from "./index.js";

export interface UppyFile {
  id: string;
  name?: string;
  type?: string;
  data: unknown;
}

export interface UppyOptions extends Omit<Options, "grant" | "onGrant" | "onProgress"> {
  /** Is told each grant, for `complete` after the upload, with the id of Uppy's file. */
  onGrant?: (grant: Grant, id: string) => void;
}

/** What Uppy 5 knows to send: a form, or a plain PUT. Of the flows only alibaba-bailian has other grants, for no page. */
export type Uppy5Grant = Grant & ({ method: "POST"; fields: Record<string, string> } | { method: "PUT" });

/** Options for `AwsS3` of Uppy 5. */
export function uppy5(fn: string, options?: UppyOptions): {
  shouldUseMultipart: false;
  getUploadParameters(file: UppyFile): Promise<Uppy5Grant>;
};

/** Options for `AwsS3` of Uppy 6. */
export function uppy6(fn: string, options?: UppyOptions): {
  shouldUseMultipart: false;
  generateObjectKey(file: UppyFile): string;
  signRequest(request: { key: string }): Promise<Grant>;
};
