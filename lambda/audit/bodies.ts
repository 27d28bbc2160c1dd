/**
 * Finds the functions and relations that a function body names but no schema has, from the parsed body and the server's
 * answers. Pure.
 */
import type { Catalog } from './catalog';
import type { Extension } from './catalog/extensions';
import type { Routine } from './catalog/functions';
import type { ComparedId, Difference } from './compare/difference';
import type { BrokenBody, ReferencedName } from './evidence';
import { isProvidedByExtension } from './failing-statements';
import { memoize } from './memoize';
import { formatPath, joinKey } from './names';

export const formatRoutine = ({ schema, name, signature }: BrokenBody['routine']): string =>
  `${formatPath(schema, name)}(${signature})`;

export const formatReferencedName = ({ what, schema, name }: ReferencedName): string =>
  `${schema === null ? formatPath(name) : formatPath(schema, name)}${what === 'function' ? '()' : ''}`;

const EXPLAINED_BY_IDS: Readonly<Record<ReferencedName['what'], readonly ComparedId[]>> = {
  function: ['missing-function', 'missing-schema', 'missing-extension'],
  relation: [
    'missing-table',
    'missing-view',
    'missing-materialized-view',
    'missing-sequence',
    'missing-schema',
  ],
};

export const canBeNamedByBodies = (id: ComparedId): boolean =>
  Object.values(EXPLAINED_BY_IDS).some((ids) => ids.includes(id));

const listGoneDifferences = memoize((differences: readonly Difference[]) => {
  const all = differences.filter(({ lost }) => lost.every(({ to }) => to === undefined));
  const of = (what: ReferencedName['what']) => all.filter(({ id }) => EXPLAINED_BY_IDS[what].includes(id));
  return { function: of('function'), relation: of('relation') };
});

/** Returns the difference that explains why the named object is missing, or null if none does. */
export function findCauseOfBrokenBody(
  differences: readonly Difference[],
  named: ReferencedName,
): Difference | null {
  const { what, schema, name } = named;
  return (
    listGoneDifferences(differences)[what].find((each) => {
      if (each.id === 'missing-extension') return isProvidedByExtension(each, name);
      if (!each.names?.includes(name)) return false;
      return schema === null || getLostSchema(each) === schema;
    }) ?? null
  );
}

const getLostSchema = ({ lost }: Difference): string | undefined => {
  const from = lost[0]?.from as { schema?: string; name?: string } | undefined;
  return lost[0]?.kind === 'schemas' ? from?.name : from?.schema;
};

/**
 * Lists the policies, triggers, defaults and CHECKs that call the function. The server writes such calls with the
 * schema.
 */
export function findCallers(catalog: Catalog, { schema, name }: BrokenBody['routine']): readonly string[] {
  const call = `${formatPath(schema, name)}(`;
  const calls = (...texts: readonly (string | undefined)[]): boolean =>
    texts.some((text) => text?.includes(call));
  return [
    ...catalog.policies
      .filter(({ using, check }) => calls(using, check))
      .map((each) => `policy ${formatPath(each.name)} on ${formatPath(each.schema, each.table)}`),
    ...catalog.triggers
      .filter(({ definition }) => calls(definition))
      .map((each) => `trigger ${formatPath(each.name)} on ${formatPath(each.schema, each.table)}`),
    ...catalog.columns
      .filter((each) => calls(each.default, each.generated))
      .map((each) => `default of ${formatPath(each.schema, each.table, each.name)}`),
    ...catalog.constraints
      .filter(({ type, definition }) => type === 'check' && calls(definition))
      .map((each) => `CHECK ${formatPath(each.name)} on ${formatPath(each.schema, each.table)}`),
  ];
}

/** Whether the source has the same body and lacked the named object too. If so, the move did not break it. */
export function wasAlreadyBroken(
  source: Catalog | null,
  target: Catalog,
  routine: Routine,
  { what, name }: ReferencedName,
): boolean {
  if (source === null) return false;
  const same = source.functions.some(
    (each) =>
      joinKey(each.schema, each.name, each.signature) ===
        joinKey(routine.schema, routine.name, routine.signature) && each.bodyHash === routine.bodyHash,
  );
  if (!same) return false;
  return what === 'function'
    ? !source.functions.some((each) => each.name === name) &&
        source.extensions.every((each) => listProvidedFunctions(each, target)?.includes(name) === false)
    : ![...source.tables, ...source.views, ...source.sequences].some((each) => each.name === name);
}

/**
 * A dump does not tell what an extension that failed to load provides. The target's extension of the same name may show
 * it.
 */
const listProvidedFunctions = (
  { name, provides }: Extension,
  target: Catalog,
): readonly string[] | undefined =>
  provides ?? target.extensions.find((each) => each.name === name)?.provides;
