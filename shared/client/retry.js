/**
 * Does `work`, and again while it fails in a way that passes: after the wait that the failure names, and some more,
 * growing and by chance, so that those who failed together do not come back together.
 * @template T
 * @param {() => Promise<T>} work
 * @param {{ retry?: number, signal?: AbortSignal }} options
 * @returns {Promise<T>}
 */
export async function persist(work, { retry = 3, signal }) {
  for (let spread = 1e3; ; spread *= 2) {
    try {
      return await work();
    } catch (/** @type {any} */ error) {
      if (retry-- < 1 || !error?.retryable) throw error;
      await new Promise((done) => {
        setTimeout(done, (error.retry_after ?? 1) * 1e3 + Math.random() * spread);
        signal?.addEventListener("abort", done);
      });
    }
  }
}
