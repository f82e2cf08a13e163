import type { Options } from "./index.js";

/** `server` for FilePond; the id of a file is its receipt, as JSON. */
export function filepond(fn: string, options?: Omit<Options, "grant" | "onProgress" | "signal">): {
  process(
    field: string, file: Blob & { readonly name: string }, metadata: object, load: (id: string) => void, error: (text: string) => void,
    progress: (computable: boolean, loaded: number, total: number) => void,
  ): { abort(): void };
  revert: null;
};
