import { grouped } from '../../audit/compare/pair';
import { describePolicy } from '../../audit/compare/policies';
import type { Finding } from '../../audit/finding';
import { key, path, plural } from '../../audit/names';
import { areEnough, isOdd } from '../keys';
import type { Kind } from '../kind';

export const rowSecurityWithoutPolicy: Kind = {
  id: 'row-security-without-policy',
  title: 'Row security is on, and there is no policy',
  impact:
    'Nobody but the owner sees a row of the table or can write one; nothing fails, the results are empty.',
  origin:
    'Row security was moved with the table, and its policies were not: they call functions that the new server does not have.',
  audit: {
    grades: {
      A: 'the source has policies on the table',
      C: 'most other tables with row security have policies, or there are fewer than four of them',
      D: 'most others have none either: nobody but the owner is meant to see them',
    },
    remedy:
      'Create the policies of the source, after the functions that they call. Where row security is not wanted here, a person has to decide to disable it: then every role with a privilege sees all rows.',
    unwritten:
      'no source says which policies there were; whether row security is wanted is for a person to decide',
    find: ({ target, source }) => {
      const policies = grouped(target.catalogue.policies, ({ schema, table }) => key(schema, table));
      const before = grouped(source?.catalogue.policies ?? [], ({ schema, table }) => key(schema, table));
      const secured = target.catalogue.tables.filter(({ rowSecurity }) => rowSecurity);
      const having = secured.filter(({ schema, name }) => policies.has(key(schema, name))).length;
      const isHabit = areEnough(secured.length) && !isOdd(having, secured.length);
      return secured
        .filter(({ rowSecurity, schema, name }) => rowSecurity && !policies.has(key(schema, name)))
        .map(({ schema, name }): Finding => {
          const lost = before.get(key(schema, name)) ?? [];
          const object = path(schema, name);
          return {
            grade: lost.length > 0 ? 'A' : isHabit ? 'D' : 'C',
            object,
            message: `Row security of ${object} is on, and it has no policy${lost.length > 0 ? `; the source has ${plural(lost.length, 'policy').replace('policys', 'policies')}` : ''}.`,
            ...(lost.length > 0 ? { mend: { what: 'policies' as const, policies: lost } } : {}),
            evidence: lost.map((policy) => `in the source: ${path(policy.name)} ${describePolicy(policy)}`),
          };
        });
    },
  },
};
