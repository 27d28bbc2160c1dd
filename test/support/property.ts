/** A tenth of a property test's runs in `npm test`; all of them in `npm run test:long`, which repeats the file. */
export const runs = (all: number): number => (process.env.LONG_RUNS ? all : Math.ceil(all / 10));
