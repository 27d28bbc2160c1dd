/** Roles, user mappings and subscriptions may have a password, which a file must not contain. */
import type { Node } from 'libpg-query';
import { findOption } from '../read/tree';
import type { FactsBuilder } from './facts';

/**
 * Rejects a password in a statement.
 * @param options options of the statement, one of which may be `password`
 */
export function refusePassword(
  facts: FactsBuilder,
  options: Node[] | undefined,
  conninfo = '',
): FactsBuilder {
  const password = findOption(options, 'password');
  const given = password?.arg !== undefined || /\bpassword\s*=/i.test(conninfo);
  if (!given) return facts;
  return facts.refuse(
    'a password would be kept in the repository, in the deployed code and in the ledger',
    'Set it outside of migrations, or let the role sign in with IAM.',
    password?.location,
  );
}
