import type { View } from '../catalogue/views';
import { key, path } from '../names';
import type { NotSeen } from '../not-seen';
import type { Comparison, Difference } from './difference';
import type { Pair } from './pair';
import { sameList, sameText } from './text';

export function compareViews(pair: Pair): Comparison {
  const here = new Map(pair.target.views.map((each) => [key(each.schema, each.name), each]));
  const differences: Difference[] = [];
  const notSeen: NotSeen[] = [];
  for (const view of pair.source.views) {
    const { schema, name, definition, materialized, columns, options, unpopulated } = view;
    if (!pair.hasSchema(schema)) continue;
    const found = here.get(key(schema, name));
    if (found === undefined || found.materialized !== materialized) {
      differences.push(lost(pair, view, found));
      continue;
    }
    const changed = !sameList(columns, found.columns) || !sameList(options, found.options);
    if (!changed && !pair.sameMajor && !sameText(definition, found.definition))
      notSeen.push({ what: 'definition of a view', of: { schema, name }, why: OTHER_MAJOR });
    else if (changed || !sameText(definition, found.definition))
      differences.push(differs(view, found, 'is another one than in the source'));
    else if (found.unpopulated && !unpopulated)
      differences.push(differs(view, found, 'has no data: it was never refreshed; in the source it was'));
  }
  return { differences, notSeen };
}

export const OTHER_MAJOR = 'the source has another major version, which writes it differently';

const idOf = ({ materialized }: View): 'materialized-view-lost' | 'view-lost' =>
  materialized ? 'materialized-view-lost' : 'view-lost';

function lost(pair: Pair, view: View, found: View | undefined): Difference {
  const { schema, name, definition, materialized } = view;
  const object = path(schema, name);
  const what = materialized ? 'Materialized view' : 'View';
  const now = found
    ? `a ${found.materialized ? 'materialized ' : ''}view`
    : pair.tables.has(key(schema, name))
      ? 'a table'
      : null;
  return {
    id: idOf(view),
    object,
    message:
      now === null
        ? `${what} ${object} is missing.`
        : `${object} is a ${what.toLowerCase()} in the source, and ${now} here.`,
    source: definition,
    target: null,
    lost: [{ kind: 'views', from: view, ...(found ? { to: found } : {}) }],
    names: [name],
    table: [schema, name],
  };
}

const differs = (view: View, found: View, how: string): Difference => ({
  id: idOf(view),
  object: path(view.schema, view.name),
  message: `${view.materialized ? 'Materialized view' : 'View'} ${path(view.schema, view.name)} ${how}.`,
  source: describe(view),
  target: describe(found),
  lost: [{ kind: 'views', from: view, to: found }],
  names: [view.name, ...view.columns],
  table: [view.schema, view.name],
});

const describe = ({ definition, options = [] }: View): string =>
  options.length > 0 ? `WITH (${options.join(', ')}) ${definition}` : definition;
