/** Property tests: fast-check, with the same cases each time in `npm test`, and other ones in each long run. */
import fc from 'fast-check';

const { PROPERTY_SEED, LONG_RUNS } = process.env;
// A failure prints its seed, which can be given here again.
if (PROPERTY_SEED) fc.configureGlobal({ seed: Number(PROPERTY_SEED) });

export { fc };

/** A tenth of a property test's runs in `npm test`; all of them in `npm run test:long`, which repeats the file. */
export const runs = (all: number): number => (LONG_RUNS ? all : Math.ceil(all / 10));
