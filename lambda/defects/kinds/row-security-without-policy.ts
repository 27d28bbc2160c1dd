import { groupBy } from '../../audit/compare/pair';
import { formatPolicy } from '../../audit/compare/policies';
import type { Finding } from '../../audit/finding';
import { formatCount, formatPath, joinKey } from '../../audit/names';
import { hasEnoughSiblings, isInconsistent } from '../keys';
import type { FindingKind } from '../kind';

export const rowSecurityWithoutPolicy: FindingKind = {
  id: 'row-security-without-policy',
  title: 'Row security is enabled without a policy',
  impact:
    'Only the owner can read or write rows of the table. Queries by other roles return no rows, without an error.',
  origin:
    'Row security was moved with the table, but its policies were not, because they call functions that the new server does not have.',
  audit: {
    confidences: {
      A: 'the source has policies on the table',
      C: 'most other tables with row security have policies, or there are fewer than four of them',
      D: 'most others have none either, so only the owner is meant to see them',
    },
    remedy:
      'Create the policies of the source, after the functions that they call. If row security is not wanted here, a person must decide to disable it: every role with a privilege on the table then sees all rows.',
    unwritten:
      'without a source, the policies are not known; a person must decide whether row security is wanted',
    find: ({ target, source }) => {
      const policies = groupBy(target.catalog.policies, ({ schema, table }) => joinKey(schema, table));
      const before = groupBy(source?.catalog.policies ?? [], ({ schema, table }) => joinKey(schema, table));
      const secured = target.catalog.tables.filter(({ rowSecurity }) => rowSecurity);
      const having = secured.filter(({ schema, name }) => policies.has(joinKey(schema, name))).length;
      const isHabit = hasEnoughSiblings(secured.length) && !isInconsistent(having, secured.length);
      return secured
        .filter(({ rowSecurity, schema, name }) => rowSecurity && !policies.has(joinKey(schema, name)))
        .map(({ schema, name }): Finding => {
          const lost = before.get(joinKey(schema, name)) ?? [];
          const object = formatPath(schema, name);
          return {
            confidence: lost.length > 0 ? 'A' : isHabit ? 'D' : 'C',
            object,
            message: `Row security of ${object} is enabled without a policy${lost.length > 0 ? `; the source has ${formatCount(lost.length, 'policy').replace('policys', 'policies')}` : ''}.`,
            ...(lost.length > 0 ? { repair: { what: 'policies' as const, policies: lost } } : {}),
            evidence: lost.map(
              (policy) => `in the source: ${formatPath(policy.name)} ${formatPolicy(policy)}`,
            ),
          };
        });
    },
  },
};
