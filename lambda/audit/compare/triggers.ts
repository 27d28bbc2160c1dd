import type { EventTrigger } from '../catalogue/event-triggers';
import type { Rule } from '../catalogue/rules';
import type { Trigger } from '../catalogue/triggers';
import { key, path } from '../names';
import { type Comparison, type Difference, type Lost, only } from './difference';
import type { Pair } from './pair';
import { sameText } from './text';

/** Triggers, event triggers and rules. */
export function compareTriggers(pair: Pair): Comparison {
  return only([
    ...ofRelations(
      pair,
      'trigger-lost',
      'Trigger',
      pair.source.triggers,
      pair.target.triggers,
      (from, to) => ({
        kind: 'triggers',
        from,
        ...(to ? { to } : {}),
      }),
    ),
    ...ofRelations(pair, 'rule-lost', 'Rule', pair.source.rules, pair.target.rules, (from, to) => ({
      kind: 'rules',
      from,
      ...(to ? { to } : {}),
    })),
    ...eventTriggers(pair),
  ]);
}

function ofRelations<T extends Trigger | Rule>(
  pair: Pair,
  id: 'trigger-lost' | 'rule-lost',
  what: string,
  source: readonly T[],
  target: readonly T[],
  lostOf: (from: T, to: T | undefined) => Lost,
): readonly Difference[] {
  const keyOf = ({ schema, table, name }: T): string => key(schema, table, name);
  const here = new Map(target.map((each) => [keyOf(each), each]));
  return source.flatMap((each): Difference[] => {
    const { schema, table, name, definition, fires } = each;
    if (!pair.hasRelation(schema, table)) return [];
    const found = here.get(keyOf(each));
    const changed = found && !sameText(found.definition, definition);
    if (found && !changed && found.fires === fires) return [];
    const object = path(schema, table);
    const how = !found
      ? 'is missing'
      : changed
        ? 'is another one than in the source'
        : `fires ${firing(found.fires)} here; in the source ${firing(fires)}`;
    return [
      {
        id,
        object,
        message: `${what} ${path(name)} on ${object} ${how}.`,
        source: definition,
        target: found ? found.definition : null,
        lost: [lostOf(each, found)],
        table: [schema, table],
      },
    ];
  });
}

function eventTriggers({ source, target }: Pair): readonly Difference[] {
  const here = new Map(target.eventTriggers.map((each) => [each.name, each]));
  return source.eventTriggers.flatMap((each): Difference[] => {
    const found = here.get(each.name);
    if (found && describe(found) === describe(each)) return [];
    return [
      {
        id: 'trigger-lost',
        object: path(each.name),
        message: `Event trigger ${path(each.name)} is ${found ? 'another one than in the source' : 'missing'}.`,
        source: describe(each),
        target: found ? describe(found) : null,
        lost: [{ kind: 'eventTriggers', from: each, ...(found ? { to: found } : {}) }],
      },
    ];
  });
}

const firing = (fires: Trigger['fires']): string =>
  fires === 'never' ? 'never (it is disabled)' : (fires ?? 'as usual');

const describe = ({ event, tags = [], function: of, fires }: EventTrigger): string =>
  `ON ${event}${tags.length > 0 ? ` WHEN TAG IN (${tags.join(', ')})` : ''} EXECUTE FUNCTION ${path(of.schema, of.name)}()${fires ? `, fires ${fires}` : ''}`;
