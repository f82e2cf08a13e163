/**
 * Does `work`, and again while it fails in a way that passes, after the wait that the failure names.
 * @template T
 * @param {() => Promise<T>} work
 * @param {{ retry?: number, signal?: AbortSignal }} options
 * @returns {Promise<T>}
 */
export async function persist(work, { retry = 3, signal }) {
  for (; ; retry -= 1) {
    try {
      return await work();
    } catch (/** @type {any} */ error) {
      if (retry < 1 || !error.retryable) throw error;
      await new Promise((done) => {
        setTimeout(done, (error.retry_after ?? 1) * 1000);
        signal?.addEventListener("abort", done);
      });
    }
  }
}
