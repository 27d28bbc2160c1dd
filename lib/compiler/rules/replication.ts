/** Publications and subscriptions. What makes or drops a slot at the publisher cannot run in a transaction block. */
import type { Node } from 'libpg-query';
import type { StatementTarget } from '../../../lambda/contract/manifest';
import { all, type Body, isOn, option, words } from '../read/tree';
import { type Context, FactsBuilder } from './facts';
import { MAY_RUN_AGAIN } from './outside-commands';
import { withoutPassword } from './password';

export function publication(command: string, objects: Node[] | undefined, context: Context): FactsBuilder {
  const facts = new FactsBuilder(command, context);
  for (const { pubtable } of all(objects, 'PublicationObjSpec'))
    facts.lock(pubtable?.relation, 'SHARE UPDATE EXCLUSIVE');
  return facts;
}

export function createSubscription(
  { options, conninfo, subname }: Body<'CreateSubscriptionStmt'>,
  context: Context,
): FactsBuilder {
  const facts = withoutPassword(new FactsBuilder('CREATE SUBSCRIPTION', context), undefined, conninfo);
  const makesSlot = ['connect', 'create_slot'].every((name) => !option(options, name) || isOn(options, name));
  return makesSlot
    ? facts.outside('CREATE SUBSCRIPTION', { kind: 'subscription', action: 'create', name: subname! })
    : facts;
}

export function alterSubscription(body: Body<'AlterSubscriptionStmt'>, context: Context): FactsBuilder {
  const { kind, conninfo, options } = body;
  const facts = withoutPassword(new FactsBuilder('ALTER SUBSCRIPTION', context), undefined, conninfo);
  // The last two speak to the publisher as well.
  const outside =
    /REFRESH|PUBLICATION/.test(kind ?? '') || option(options, 'failover') || option(options, 'two_phase');
  return outside ? facts.outside('ALTER SUBSCRIPTION', targetOf(body)) : facts;
}

export function dropSubscription({ subname }: Body<'DropSubscriptionStmt'>, context: Context): FactsBuilder {
  return new FactsBuilder('DROP SUBSCRIPTION', context).outside('DROP SUBSCRIPTION', {
    kind: 'subscription',
    action: 'drop',
    name: subname!,
  });
}

const ACTIONS = {
  ALTER_SUBSCRIPTION_SET_PUBLICATION: 'set',
  ALTER_SUBSCRIPTION_ADD_PUBLICATION: 'add',
  ALTER_SUBSCRIPTION_DROP_PUBLICATION: 'remove',
} as const;

function targetOf({ kind, subname, publication }: Body<'AlterSubscriptionStmt'>): StatementTarget {
  const action = ACTIONS[kind as keyof typeof ACTIONS];
  if (!action) return MAY_RUN_AGAIN;
  const publications = (publication ?? []).map((node) => words(node).join('.'));
  return { kind: 'subscription', action, name: subname!, publications };
}
