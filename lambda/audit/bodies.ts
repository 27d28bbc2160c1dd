/** What bodies of functions name and no schema has: decided from what a parser read and what the server answered. Pure. */
import type { Catalogue } from './catalogue';
import type { Extension } from './catalogue/extensions';
import type { Routine } from './catalogue/functions';
import type { ComparedId, Difference } from './compare/difference';
import type { BrokenBody, Named } from './evidence';
import { isBroughtBy } from './failing';
import { key, path } from './names';
import { onceFor } from './once';

export const routineOf = ({ schema, name, signature }: BrokenBody['routine']): string =>
  `${path(schema, name)}(${signature})`;

export const nameOf = ({ what, schema, name }: Named): string =>
  `${schema === null ? path(name) : path(schema, name)}${what === 'function' ? '()' : ''}`;

const EXPLAINED_BY: Readonly<Record<Named['what'], readonly ComparedId[]>> = {
  function: ['function-lost', 'schema-lost', 'extension-missing'],
  relation: ['table-lost', 'view-lost', 'materialized-view-lost', 'sequence-lost', 'schema-lost'],
};

export const areNamedByBodies = (id: ComparedId): boolean =>
  Object.values(EXPLAINED_BY).some((ids) => ids.includes(id));

const gone = onceFor((differences: readonly Difference[]) => {
  const all = differences.filter(({ lost }) => lost.every(({ to }) => to === undefined));
  const of = (what: Named['what']) => all.filter(({ id }) => EXPLAINED_BY[what].includes(id));
  return { function: of('function'), relation: of('relation') };
});

/** The difference to the source because of which it is not there. */
export function becauseOf(differences: readonly Difference[], named: Named): Difference | null {
  const { what, schema, name } = named;
  return (
    gone(differences)[what].find((each) => {
      if (each.id === 'extension-missing') return isBroughtBy(each, name);
      if (!each.names?.includes(name)) return false;
      return schema === null || schemaOf(each) === schema;
    }) ?? null
  );
}

const schemaOf = ({ lost }: Difference): string | undefined => {
  const from = lost[0]?.from as { schema?: string; name?: string } | undefined;
  return lost[0]?.kind === 'schemas' ? from?.name : from?.schema;
};

/** Policies, triggers, defaults and CHECKs that call it: the server writes its schema. */
export function callersOf(catalogue: Catalogue, { schema, name }: BrokenBody['routine']): readonly string[] {
  const call = `${path(schema, name)}(`;
  const calls = (...texts: readonly (string | undefined)[]): boolean =>
    texts.some((text) => text?.includes(call));
  return [
    ...catalogue.policies
      .filter(({ using, check }) => calls(using, check))
      .map((each) => `policy ${path(each.name)} on ${path(each.schema, each.table)}`),
    ...catalogue.triggers
      .filter(({ definition }) => calls(definition))
      .map((each) => `trigger ${path(each.name)} on ${path(each.schema, each.table)}`),
    ...catalogue.columns
      .filter((each) => calls(each.default, each.generated))
      .map((each) => `default of ${path(each.schema, each.table, each.name)}`),
    ...catalogue.constraints
      .filter(({ type, definition }) => type === 'check' && calls(definition))
      .map((each) => `CHECK ${path(each.name)} on ${path(each.schema, each.table)}`),
  ];
}

/** The source has the same body, and did not have it either: whatever it is for, the move did not break it. */
export function wasBroken(
  source: Catalogue | null,
  target: Catalogue,
  routine: Routine,
  { what, name }: Named,
): boolean {
  if (source === null) return false;
  const same = source.functions.some(
    (each) =>
      key(each.schema, each.name, each.signature) === key(routine.schema, routine.name, routine.signature) &&
      each.bodyHash === routine.bodyHash,
  );
  if (!same) return false;
  return what === 'function'
    ? !source.functions.some((each) => each.name === name) &&
        source.extensions.every((each) => broughtBy(each, target)?.includes(name) === false)
    : ![...source.tables, ...source.views, ...source.sequences].some((each) => each.name === name);
}

/** A dump does not tell what an extension brings that did not load: the target may have it. */
const broughtBy = ({ name, provides }: Extension, target: Catalogue): readonly string[] | undefined =>
  provides ?? target.extensions.find((each) => each.name === name)?.provides;
