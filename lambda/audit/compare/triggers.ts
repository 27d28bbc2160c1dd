import type { EventTrigger } from '../catalog/event-triggers';
import type { Rule } from '../catalog/rules';
import type { Trigger } from '../catalog/triggers';
import { formatPath, joinKey } from '../names';
import { type Comparison, type Difference, type LostObject, makeComparison } from './difference';
import type { CatalogPair } from './pair';
import { isSameText } from './text';

/** Compares triggers, event triggers and rules. */
export function compareTriggers(pair: CatalogPair): Comparison {
  return makeComparison([
    ...compareRelationTriggers(
      pair,
      'missing-trigger',
      'Trigger',
      pair.source.triggers,
      pair.target.triggers,
      (from, to) => ({
        kind: 'triggers',
        from,
        ...(to ? { to } : {}),
      }),
    ),
    ...compareRelationTriggers(
      pair,
      'missing-rule',
      'Rule',
      pair.source.rules,
      pair.target.rules,
      (from, to) => ({
        kind: 'rules',
        from,
        ...(to ? { to } : {}),
      }),
    ),
    ...compareEventTriggers(pair),
  ]);
}

function compareRelationTriggers<T extends Trigger | Rule>(
  pair: CatalogPair,
  id: 'missing-trigger' | 'missing-rule',
  what: string,
  source: readonly T[],
  target: readonly T[],
  toLostObject: (from: T, to: T | undefined) => LostObject,
): readonly Difference[] {
  const getKey = ({ schema, table, name }: T): string => joinKey(schema, table, name);
  const here = new Map(target.map((each) => [getKey(each), each]));
  return source.flatMap((each): Difference[] => {
    const { schema, table, name, definition, fires } = each;
    if (!pair.hasRelation(schema, table)) return [];
    const found = here.get(getKey(each));
    const changed = found && !isSameText(found.definition, definition);
    if (found && !changed && found.fires === fires) return [];
    const object = formatPath(schema, table);
    const how = !found
      ? 'is missing'
      : changed
        ? 'differs from the source'
        : `fires ${formatFires(found.fires)} here; in the source ${formatFires(fires)}`;
    return [
      {
        id,
        object,
        message: `${what} ${formatPath(name)} on ${object} ${how}.`,
        source: definition,
        target: found ? found.definition : null,
        lost: [toLostObject(each, found)],
        table: [schema, table],
      },
    ];
  });
}

function compareEventTriggers({ source, target }: CatalogPair): readonly Difference[] {
  const here = new Map(target.eventTriggers.map((each) => [each.name, each]));
  return source.eventTriggers.flatMap((each): Difference[] => {
    const found = here.get(each.name);
    if (found && formatEventTrigger(found) === formatEventTrigger(each)) return [];
    return [
      {
        id: 'missing-trigger',
        object: formatPath(each.name),
        message: `Event trigger ${formatPath(each.name)} ${found ? 'differs from the source' : 'is missing'}.`,
        source: formatEventTrigger(each),
        target: found ? formatEventTrigger(found) : null,
        lost: [{ kind: 'eventTriggers', from: each, ...(found ? { to: found } : {}) }],
      },
    ];
  });
}

const formatFires = (fires: Trigger['fires']): string =>
  fires === 'never' ? 'never (it is disabled)' : (fires ?? 'as usual');

const formatEventTrigger = ({ event, tags = [], function: of, fires }: EventTrigger): string =>
  `ON ${event}${tags.length > 0 ? ` WHEN TAG IN (${tags.join(', ')})` : ''} EXECUTE FUNCTION ${formatPath(of.schema, of.name)}()${fires ? `, fires ${fires}` : ''}`;
