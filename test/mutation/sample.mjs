/** A room that is too large to be mutated whole: one mutant in so many, the same ones in every run. */
import { createHash } from 'node:crypto';
import { relative } from 'node:path';
import { commonTokens, declareFactoryPlugin, PluginKind, tokens } from '@stryker-mutator/api/plugin';

/** Those that are left out would be called broken by Stryker; the report knows them by this. */
export const NOT_IN_SAMPLE = 'not in the sample';

function sampler({ sampleOneIn }) {
  return {
    init: async () => {},
    check: async (mutants) =>
      Object.fromEntries(
        mutants.map((mutant) => [
          mutant.id,
          lot(mutant) % sampleOneIn === 0
            ? { status: 'passed' }
            : { status: 'compileError', reason: NOT_IN_SAMPLE },
        ]),
      ),
  };
}
sampler.inject = tokens(commonTokens.options);

/** Of the mutant's place and text, whatever the folder of the run. */
function lot({ fileName, location, replacement }) {
  const text = JSON.stringify([relative(process.cwd(), fileName), location, replacement]);
  return createHash('sha256').update(text).digest().readUInt32BE(0);
}

export const strykerPlugins = [declareFactoryPlugin(PluginKind.Checker, 'sample', sampler)];
