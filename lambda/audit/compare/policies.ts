import { quoteWhereNeeded } from '../../sql/quote';
import type { Policy } from '../catalogue/policies';
import { key, path } from '../names';
import { type Comparison, type Difference, only } from './difference';
import { grouped, type Pair } from './pair';
import { sameList, sameText } from './text';

/** A table that lost all of them while row security stays on is one finding, and not of this kind: nobody sees a row. */
export function comparePolicies(pair: Pair): Comparison {
  const byTable = grouped(pair.target.policies, ({ schema, table }) => key(schema, table));
  return only(
    pair.source.policies.flatMap((policy): readonly Difference[] => {
      const { schema, table, name } = policy;
      const on = pair.tables.get(key(schema, table));
      if (on === undefined) return [];
      const here = byTable.get(key(schema, table)) ?? [];
      if (here.length === 0 && on.rowSecurity) return [];
      const found = here.find((each) => each.name === name);
      if (found && same(policy, found)) return [];
      const object = path(schema, table);
      return [
        {
          id: 'policy-lost',
          object,
          message: `Policy ${path(name)} on ${object} is ${found ? 'another one than in the source' : 'missing'}.`,
          source: describePolicy(policy) + missingFunctions(pair, policy),
          target: found ? describePolicy(found) : null,
          lost: [{ kind: 'policies', from: policy, ...(found ? { to: found } : {}) }],
          table: [schema, table],
        },
      ];
    }),
  );
}

const same = (one: Policy, other: Policy): boolean =>
  one.command === other.command &&
  one.restrictive === other.restrictive &&
  sameList(one.roles, other.roles) &&
  sameText(one.using, other.using) &&
  sameText(one.check, other.check);

export const describePolicy = ({ command, roles, restrictive, using, check }: Policy): string =>
  `${restrictive ? 'AS RESTRICTIVE ' : ''}FOR ${command} TO ${roles.map(quoteWhereNeeded).join(', ')}` +
  `${using ? ` USING (${using})` : ''}${check ? ` WITH CHECK (${check})` : ''}`;

/** Supabase's policies call `auth.uid()`, which no other server has. */
export function missingFunctions({ source, target }: Pair, { using = '', check = '' }: Policy): string {
  const has = new Set(target.functions.map((each) => path(each.schema, each.name)));
  const had = new Set(source.functions.map((each) => path(each.schema, each.name)));
  const missing = [...`${using} ${check}`.matchAll(/([\w$]+\.[\w$]+)\(/g)]
    .map(([, name]) => name!)
    .filter((name) => had.has(name) && !has.has(name));
  return missing.length === 0 ? '' : `; it calls ${[...new Set(missing)].join(', ')}, which is not here`;
}
