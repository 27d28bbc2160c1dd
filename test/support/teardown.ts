/**
 * Makes a global teardown that fails end vitest with 2, which the scripts of CI tell from a test that failed: vitest itself
 * only prints the error, and ends as if nothing had happened.
 */
export const reportFailure = (teardown: () => Promise<void>) => async (): Promise<void> => {
  try {
    await teardown();
  } catch (error) {
    process.exitCode = 2;
    throw error;
  }
};
