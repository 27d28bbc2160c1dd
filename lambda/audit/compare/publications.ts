import type { Publication } from '../catalogue/publications';
import { path } from '../names';
import { type Comparison, type Difference, only } from './difference';
import type { Pair } from './pair';

export function comparePublications(pair: Pair): Comparison {
  const { source, target } = pair;
  const here = new Map(target.publications.map((each) => [each.name, each]));
  return only(
    source.publications.flatMap((publication): Difference[] => {
      const object = path(publication.name);
      const found = here.get(publication.name);
      const before = describe(pair, publication);
      const now = found ? describe(pair, found) : null;
      if (before === now) return [];
      return [
        {
          id: 'publication-lost',
          object,
          message: `Publication ${object} ${now === null ? 'is missing' : 'publishes something else than in the source'}.`,
          source: before,
          target: now,
          lost: [{ kind: 'publications', from: publication, ...(found ? { to: found } : {}) }],
        },
      ];
    }),
  );
}

/** Without tables that the target does not have: they are findings of their own. */
function describe(
  pair: Pair,
  { allTables, tables = [], schemas = [], publishes, viaRoot }: Publication,
): string {
  const published = tables
    .filter(({ schema, name }) => pair.hasRelation(schema, name))
    .map(
      ({ schema, name, columns, where }) =>
        `${path(schema, name)}${columns ? ` (${columns.map((each) => path(each)).join(', ')})` : ''}${where ? ` WHERE ${where}` : ''}`,
    );
  const what = [
    allTables ? 'ALL TABLES' : '',
    published.length > 0 ? `TABLE ${published.join(', ')}` : '',
    schemas.length > 0 ? `TABLES IN SCHEMA ${schemas.map((each) => path(each)).join(', ')}` : '',
  ].filter(Boolean);
  return `FOR ${what.join(', ') || 'no table'}, publishes ${publishes.join(', ')}${viaRoot ? ', via root' : ''}`;
}
