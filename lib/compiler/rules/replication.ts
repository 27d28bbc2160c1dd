/**
 * Publications and subscriptions. Statements that create or drop a slot on the publisher cannot run in a transaction
 * block.
 */
import type { Node } from 'libpg-query';
import type { StatementTarget } from '../../../lambda/contract/manifest';
import { findOption, isOptionOn, listNameParts, type NodeBody, unwrapNodes } from '../read/tree';
import { FactsBuilder, type RuleContext } from './facts';
import { REPEATABLE_TARGET } from './outside-commands';
import { refusePassword } from './password';

export function classifyPublication(
  command: string,
  objects: Node[] | undefined,
  context: RuleContext,
): FactsBuilder {
  const facts = new FactsBuilder(command, context);
  for (const { pubtable } of unwrapNodes(objects, 'PublicationObjSpec'))
    facts.lock(pubtable?.relation, 'SHARE UPDATE EXCLUSIVE');
  return facts;
}

export function classifyCreateSubscription(
  { options, conninfo, subname }: NodeBody<'CreateSubscriptionStmt'>,
  context: RuleContext,
): FactsBuilder {
  const facts = refusePassword(new FactsBuilder('CREATE SUBSCRIPTION', context), undefined, conninfo);
  const makesSlot = ['connect', 'create_slot'].every(
    (name) => !findOption(options, name) || isOptionOn(options, name),
  );
  return makesSlot
    ? facts.outside('CREATE SUBSCRIPTION', { kind: 'subscription', action: 'create', name: subname! })
    : facts;
}

export function classifyAlterSubscription(
  body: NodeBody<'AlterSubscriptionStmt'>,
  context: RuleContext,
): FactsBuilder {
  const { kind, conninfo, options } = body;
  const facts = refusePassword(new FactsBuilder('ALTER SUBSCRIPTION', context), undefined, conninfo);
  // The last two options also contact the publisher.
  const outside =
    /REFRESH|PUBLICATION/.test(kind ?? '') ||
    findOption(options, 'failover') ||
    findOption(options, 'two_phase');
  return outside ? facts.outside('ALTER SUBSCRIPTION', buildSubscriptionTarget(body)) : facts;
}

export function classifyDropSubscription(
  { subname }: NodeBody<'DropSubscriptionStmt'>,
  context: RuleContext,
): FactsBuilder {
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

function buildSubscriptionTarget({
  kind,
  subname,
  publication,
}: NodeBody<'AlterSubscriptionStmt'>): StatementTarget {
  const action = ACTIONS[kind as keyof typeof ACTIONS];
  if (!action) return REPEATABLE_TARGET;
  const publications = (publication ?? []).map((node) => listNameParts(node).join('.'));
  return { kind: 'subscription', action, name: subname!, publications };
}
