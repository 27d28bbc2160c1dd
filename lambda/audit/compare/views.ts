import type { View } from '../catalog/views';
import { formatPath, joinKey } from '../names';
import type { NotCheckedItem } from '../not-checked';
import type { Comparison, Difference } from './difference';
import type { CatalogPair } from './pair';
import { isSameList, isSameText } from './text';

export function compareViews(pair: CatalogPair): Comparison {
  const here = new Map(pair.target.views.map((each) => [joinKey(each.schema, each.name), each]));
  const differences: Difference[] = [];
  const notChecked: NotCheckedItem[] = [];
  for (const view of pair.source.views) {
    const { schema, name, definition, materialized, columns, options, unpopulated } = view;
    if (!pair.hasSchema(schema)) continue;
    const found = here.get(joinKey(schema, name));
    if (found === undefined || found.materialized !== materialized) {
      differences.push(makeLostView(pair, view, found));
      continue;
    }
    const changed = !isSameList(columns, found.columns) || !isSameList(options, found.options);
    if (!changed && !pair.sameMajor && !isSameText(definition, found.definition))
      notChecked.push({ what: 'definition of a view', of: { schema, name }, why: OTHER_MAJOR_REASON });
    else if (changed || !isSameText(definition, found.definition))
      differences.push(makeViewDifference(view, found, 'differs from the source'));
    else if (found.unpopulated && !unpopulated)
      differences.push(
        makeViewDifference(
          view,
          found,
          'has no data because it was never refreshed; in the source it has data',
        ),
      );
  }
  return { differences, notChecked };
}

export const OTHER_MAJOR_REASON =
  'the source has a different major version, which prints the definition differently';

const getLostViewId = ({ materialized }: View): 'missing-materialized-view' | 'missing-view' =>
  materialized ? 'missing-materialized-view' : 'missing-view';

function makeLostView(pair: CatalogPair, view: View, found: View | undefined): Difference {
  const { schema, name, definition, materialized } = view;
  const object = formatPath(schema, name);
  const what = materialized ? 'Materialized view' : 'View';
  const now = found
    ? `a ${found.materialized ? 'materialized ' : ''}view`
    : pair.tables.has(joinKey(schema, name))
      ? 'a table'
      : null;
  return {
    id: getLostViewId(view),
    object,
    message:
      now === null
        ? `${what} ${object} is missing.`
        : `${object} is a ${what.toLowerCase()} in the source and ${now} here.`,
    source: definition,
    target: null,
    lost: [{ kind: 'views', from: view, ...(found ? { to: found } : {}) }],
    names: [name],
    table: [schema, name],
  };
}

const makeViewDifference = (view: View, found: View, how: string): Difference => ({
  id: getLostViewId(view),
  object: formatPath(view.schema, view.name),
  message: `${view.materialized ? 'Materialized view' : 'View'} ${formatPath(view.schema, view.name)} ${how}.`,
  source: formatView(view),
  target: formatView(found),
  lost: [{ kind: 'views', from: view, to: found }],
  names: [view.name, ...view.columns],
  table: [view.schema, view.name],
});

const formatView = ({ definition, options = [] }: View): string =>
  options.length > 0 ? `WITH (${options.join(', ')}) ${definition}` : definition;
