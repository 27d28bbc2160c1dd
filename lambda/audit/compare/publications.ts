import type { Publication } from '../catalog/publications';
import { formatPath } from '../names';
import { type Comparison, type Difference, makeComparison } from './difference';
import type { CatalogPair } from './pair';

export function comparePublications(pair: CatalogPair): Comparison {
  const { source, target } = pair;
  const here = new Map(target.publications.map((each) => [each.name, each]));
  return makeComparison(
    source.publications.flatMap((publication): Difference[] => {
      const object = formatPath(publication.name);
      const found = here.get(publication.name);
      const before = formatPublication(pair, publication);
      const now = found ? formatPublication(pair, found) : null;
      if (before === now) return [];
      return [
        {
          id: 'missing-publication',
          object,
          message: `Publication ${object} ${now === null ? 'is missing' : 'publishes something different from the source'}.`,
          source: before,
          target: now,
          lost: [{ kind: 'publications', from: publication, ...(found ? { to: found } : {}) }],
        },
      ];
    }),
  );
}

/** Leaves out tables that the target lacks, since they are reported separately. */
function formatPublication(
  pair: CatalogPair,
  { allTables, tables = [], schemas = [], publishes, viaRoot }: Publication,
): string {
  const published = tables
    .filter(({ schema, name }) => pair.hasRelation(schema, name))
    .map(
      ({ schema, name, columns, where }) =>
        `${formatPath(schema, name)}${columns ? ` (${columns.map((each) => formatPath(each)).join(', ')})` : ''}${where ? ` WHERE ${where}` : ''}`,
    );
  const what = [
    allTables ? 'ALL TABLES' : '',
    published.length > 0 ? `TABLE ${published.join(', ')}` : '',
    schemas.length > 0 ? `TABLES IN SCHEMA ${schemas.map((each) => formatPath(each)).join(', ')}` : '',
  ].filter(Boolean);
  return `FOR ${what.join(', ') || 'no table'}, publishes ${publishes.join(', ')}${viaRoot ? ', via root' : ''}`;
}
