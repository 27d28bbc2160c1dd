import type { Comment } from '../catalogue/comments';
import { key, path, plural } from '../names';
import { type Comparison, type Difference, only } from './difference';
import { grouped, type Pair } from './pair';

/** Those of a table and of what belongs to it are one finding. */
export function compareComments(pair: Pair): Comparison {
  const here = new Map(pair.target.comments.map((each) => [key(each.on, each.object), each.comment]));
  const unlike = pair.source.comments.filter(
    ({ on, object, comment }) => here.get(key(on, object)) !== comment,
  );
  if (unlike.length === 0) return only([]);
  const there = objectsOf(pair);
  const differing = unlike.filter(({ object }) => there(object));
  return only(
    [...grouped(differing, ownerOf)].map(([object, comments]): Difference => {
      const missing = comments.filter((each) => !here.has(key(each.on, each.object)));
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
          : `${plural(lost.length, 'comment')} on ${object} and what belongs to it`;
      return {
        id: 'comment-lost',
        object,
        message: `${what} ${which} the source.`,
        source: null,
        target: null,
        lost: comments.map((from) => ({ kind: 'comments', from })),
      };
    }),
  );
}

/** The relation, or the object itself where it belongs to none. */
function ownerOf({ on, object }: Comment): string {
  const table = / on (.+)$/.exec(object)?.[1];
  if (table !== undefined) return table;
  return / column$/.test(on) ? object.replace(/\.("(?:[^"]|"")+"|[^."]+)$/, '') : object;
}

/** Whether the target has what the comment is on; of what is not known, yes. */
function objectsOf(pair: Pair): (object: string) => boolean {
  const { target, source } = pair;
  const relations = (of: typeof source): string[] =>
    [...of.tables, ...of.views].map(({ schema, name }) => path(schema, name));
  const columns = (of: typeof source): string[] => [
    ...of.columns.map(({ schema, table, name }) => path(schema, table, name)),
    ...of.views.flatMap(({ schema, name, columns: all }) => all.map((each) => path(schema, name, each))),
  ];
  const others = (of: typeof source): string[] => [
    ...of.schemas.map(({ name }) => path(name)),
    ...of.sequences.map(({ schema, name }) => path(schema, name)),
    ...of.types.map(({ schema, name }) => path(schema, name)),
    ...of.indexes.map(({ schema, name }) => path(schema, name)),
    ...of.publications.map(({ name }) => path(name)),
    ...of.eventTriggers.map(({ name }) => path(name)),
    ...of.foreignServers.map(({ name }) => path(name)),
    ...of.functions.map(
      ({ schema, name, signature }) => `${path(schema, name)}(${signature.replaceAll(', ', ',')})`,
    ),
    ...[...of.constraints, ...of.triggers, ...of.policies, ...of.rules].map(
      ({ schema, table, name }) => `${path(name)} on ${path(schema, table)}`,
    ),
  ];
  const all = (of: typeof source): Set<string> =>
    new Set([...relations(of), ...columns(of), ...others(of)].map(bare));
  const [had, has] = [all(source), all(target)];
  return (object) => !had.has(bare(object)) || has.has(bare(object));
}

/** The server quotes keywords as well, and says where types are that are its own: `f(pg_catalog.date)`. */
const bare = (object: string): string => object.replaceAll('"', '').replace(/(?<=[(,])pg_catalog\./g, '');
