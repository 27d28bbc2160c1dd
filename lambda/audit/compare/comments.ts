import type { Comment } from '../catalog/comments';
import { formatCount, formatPath, joinKey } from '../names';
import { type Comparison, type Difference, makeComparison } from './difference';
import { type CatalogPair, groupBy } from './pair';

/** Compares comments. Missing comments on a table, its columns and its other parts are one finding. */
export function compareComments(pair: CatalogPair): Comparison {
  const here = new Map(pair.target.comments.map((each) => [joinKey(each.on, each.object), each.comment]));
  const unlike = pair.source.comments.filter(
    ({ on, object, comment }) => here.get(joinKey(on, object)) !== comment,
  );
  if (unlike.length === 0) return makeComparison([]);
  const there = makeExistenceTest(pair);
  const differing = unlike.filter(({ object }) => there(object));
  return makeComparison(
    [...groupBy(differing, parseCommentOwner)].map(([object, comments]): Difference => {
      const missing = comments.filter((each) => !here.has(joinKey(each.on, each.object)));
      const lost = missing.length === 0 ? comments : missing;
      const which =
        missing.length === 0
          ? 'differs from'
          : lost.length === 1
            ? 'is missing; it is in'
            : 'are missing; they are in';
      const what =
        lost.length === 1
          ? `The comment on ${lost[0]!.on} ${lost[0]!.object}`
          : `${formatCount(lost.length, 'comment')} on ${object} and its parts`;
      return {
        id: 'missing-comment',
        object,
        message: `${what} ${which} the source.`,
        source: null,
        target: null,
        lost: comments.map((from) => ({ kind: 'comments', from })),
      };
    }),
  );
}

/** Returns the relation that the commented object belongs to, or the object itself if it belongs to none. */
function parseCommentOwner({ on, object }: Comment): string {
  const table = / on (.+)$/.exec(object)?.[1];
  if (table !== undefined) return table;
  return / column$/.test(on) ? object.replace(/\.("(?:[^"]|"")+"|[^."]+)$/, '') : object;
}

/** Returns whether the target has the commented object. Objects of kinds that are not listed here count as present. */
function makeExistenceTest(pair: CatalogPair): (object: string) => boolean {
  const { target, source } = pair;
  const relations = (of: typeof source): string[] =>
    [...of.tables, ...of.views].map(({ schema, name }) => formatPath(schema, name));
  const columns = (of: typeof source): string[] => [
    ...of.columns.map(({ schema, table, name }) => formatPath(schema, table, name)),
    ...of.views.flatMap(({ schema, name, columns: all }) =>
      all.map((each) => formatPath(schema, name, each)),
    ),
  ];
  const others = (of: typeof source): string[] => [
    ...of.schemas.map(({ name }) => formatPath(name)),
    ...of.sequences.map(({ schema, name }) => formatPath(schema, name)),
    ...of.types.map(({ schema, name }) => formatPath(schema, name)),
    ...of.indexes.map(({ schema, name }) => formatPath(schema, name)),
    ...of.publications.map(({ name }) => formatPath(name)),
    ...of.eventTriggers.map(({ name }) => formatPath(name)),
    ...of.foreignServers.map(({ name }) => formatPath(name)),
    ...of.functions.map(
      ({ schema, name, signature }) => `${formatPath(schema, name)}(${signature.replaceAll(', ', ',')})`,
    ),
    ...[...of.constraints, ...of.triggers, ...of.policies, ...of.rules].map(
      ({ schema, table, name }) => `${formatPath(name)} on ${formatPath(schema, table)}`,
    ),
  ];
  const all = (of: typeof source): Set<string> =>
    new Set([...relations(of), ...columns(of), ...others(of)].map(normalizeObjectName));
  const [had, has] = [all(source), all(target)];
  return (object) => !had.has(normalizeObjectName(object)) || has.has(normalizeObjectName(object));
}

/**
 * Removes quotes and pg_catalog from an identity: the server quotes keywords as well, and qualifies its own types
 * (`f(pg_catalog.date)`).
 */
const normalizeObjectName = (object: string): string =>
  object.replaceAll('"', '').replace(/(?<=[(,])pg_catalog\./g, '');
