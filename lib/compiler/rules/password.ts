/** Roles, user mappings and subscriptions may carry a password. A file must not. */
import type { Node } from 'libpg-query';
import { option } from '../read/tree';
import type { FactsBuilder } from './facts';

/** @param options of the statement, where `password` may be one */
export function withoutPassword(
  facts: FactsBuilder,
  options: Node[] | undefined,
  conninfo = '',
): FactsBuilder {
  const password = option(options, 'password');
  const given = password?.arg !== undefined || /\bpassword\s*=/i.test(conninfo);
  if (!given) return facts;
  return facts.refuse(
    'a password would be kept in the repository, in the deployed code and in the ledger',
    'Set it outside of migrations, or let the role sign in with IAM.',
    password?.location,
  );
}
