import { quoteIfNeeded } from '../../sql/quote';
import type { Policy } from '../catalog/policies';
import { formatPath, joinKey } from '../names';
import { type Comparison, type Difference, makeComparison } from './difference';
import { type CatalogPair, groupBy } from './pair';
import { isSameList, isSameText } from './text';

/**
 * Compares policies. A table that has row security but no policies left is reported by another check: no row is
 * visible.
 */
export function comparePolicies(pair: CatalogPair): Comparison {
  const byTable = groupBy(pair.target.policies, ({ schema, table }) => joinKey(schema, table));
  return makeComparison(
    pair.source.policies.flatMap((policy): readonly Difference[] => {
      const { schema, table, name } = policy;
      const on = pair.tables.get(joinKey(schema, table));
      if (on === undefined) return [];
      const here = byTable.get(joinKey(schema, table)) ?? [];
      if (here.length === 0 && on.rowSecurity) return [];
      const found = here.find((each) => each.name === name);
      if (found && isSamePolicy(policy, found)) return [];
      const object = formatPath(schema, table);
      return [
        {
          id: 'missing-policy',
          object,
          message: `Policy ${formatPath(name)} on ${object} ${found ? 'differs from the source' : 'is missing'}.`,
          source: formatPolicy(policy) + describeMissingFunctions(pair, policy),
          target: found ? formatPolicy(found) : null,
          lost: [{ kind: 'policies', from: policy, ...(found ? { to: found } : {}) }],
          table: [schema, table],
        },
      ];
    }),
  );
}

const isSamePolicy = (one: Policy, other: Policy): boolean =>
  one.command === other.command &&
  one.restrictive === other.restrictive &&
  isSameList(one.roles, other.roles) &&
  isSameText(one.using, other.using) &&
  isSameText(one.check, other.check);

export const formatPolicy = ({ command, roles, restrictive, using, check }: Policy): string =>
  `${restrictive ? 'AS RESTRICTIVE ' : ''}FOR ${command} TO ${roles.map(quoteIfNeeded).join(', ')}` +
  `${using ? ` USING (${using})` : ''}${check ? ` WITH CHECK (${check})` : ''}`;

/** Lists called functions that only the source has. Supabase's policies call `auth.uid()`, which other servers lack. */
function describeMissingFunctions(
  { source, target }: CatalogPair,
  { using = '', check = '' }: Policy,
): string {
  const has = new Set(target.functions.map((each) => formatPath(each.schema, each.name)));
  const had = new Set(source.functions.map((each) => formatPath(each.schema, each.name)));
  const missing = [...`${using} ${check}`.matchAll(/([\w$]+\.[\w$]+)\(/g)]
    .map(([, name]) => name!)
    .filter((name) => had.has(name) && !has.has(name));
  return missing.length === 0
    ? ''
    : `; it calls ${[...new Set(missing)].join(', ')}, which does not exist here`;
}
