/** Builds the steps that repair a difference. Pure; the parser must be loaded. */
import type { Difference, LostObject } from '../../../lambda/audit/compare/difference';
import {
  buildEventTriggerStep,
  buildFunctionStep,
  buildRuleStep,
  buildTriggerStep,
  buildViewStep,
} from './parts/code';
import { buildColumnStep } from './parts/columns';
import { buildConstraintStep, buildRenameConstraintStep } from './parts/constraints';
import { buildIndexStep } from './parts/indexes';
import { withRights } from './parts/new-rights';
import { buildCommentStep, buildPublicationStep, buildSettingStep } from './parts/rest';
import { buildGrantSteps, buildPolicyStep, buildRevokeSteps } from './parts/rights';
import { buildCollationStep, buildExtensionStep, buildSchemaStep } from './parts/schemas';
import { buildOwnerStep, buildSequenceStep, buildWidenStep } from './parts/sequences';
import { buildReplicaIdentityStep, buildTableStep, rowSecurityParts } from './parts/tables';
import { buildTypeStep } from './parts/types';
import type { RepairContext } from './repair-context';
import { isRepairStep, type RepairStep, type Unrepairable } from './repair-step';

export function buildSteps(
  context: RepairContext,
  difference: Difference,
): readonly (RepairStep | Unrepairable)[] {
  const { id, lost, object } = difference;
  const [first] = lost;
  if (first?.kind === 'grants')
    return (id === 'grant-added' ? buildRevokeSteps : buildGrantSteps)(
      context,
      lost.flatMap((each) => (each.kind === 'grants' ? [each.from] : [])),
    );
  if (first?.kind === 'comments')
    return [
      buildCommentStep(
        object,
        lost.flatMap((each) => (each.kind === 'comments' ? [each.from] : [])),
      ),
    ];
  if (first?.kind === 'tables' && first.to && id === 'row-security-disabled')
    return rowSecurityParts(context, first.from, first.to);
  return lost.map((each) => {
    const made = buildStep(context, id, each);
    return isRepairStep(made) ? withRights(context, made) : made;
  });
}

function buildStep(
  context: RepairContext,
  id: Difference['id'],
  lost: LostObject,
): RepairStep | Unrepairable {
  switch (lost.kind) {
    case 'schemas':
      return buildSchemaStep(lost.from);
    case 'extensions':
      return buildExtensionStep(lost.from, lost.to);
    case 'collations':
      return buildCollationStep(lost.from, lost.to);
    case 'types':
      return buildTypeStep(lost.from, lost.to);
    case 'sequences':
      if (lost.to && id === 'sequence-unowned') return buildOwnerStep(lost.to, lost.from.ownedBy!);
      return lost.to && id === 'sequence-too-small'
        ? buildWidenStep(lost.to, lost.from.type, lost.from.max)
        : buildSequenceStep(context, lost.from, lost.to);
    case 'tables':
      return id === 'missing-replica-identity'
        ? buildReplicaIdentityStep(lost.from)
        : buildTableStep(context, lost.from, lost.to);
    case 'columns':
      return buildColumnStep(context, id, lost.from, lost.to);
    case 'indexes':
      return buildIndexStep(context, id, lost.from, lost.to);
    case 'constraints':
      return id === 'constraint-renamed' && lost.to
        ? buildRenameConstraintStep(lost.from, lost.to)
        : buildConstraintStep(context, lost.from, lost.to);
    case 'views':
      return buildViewStep(context, lost.from, lost.to);
    case 'functions':
      return buildFunctionStep(lost.from, lost.to);
    case 'triggers':
      return buildTriggerStep(context, lost.from, lost.to);
    case 'rules':
      return buildRuleStep(lost.from, lost.to);
    case 'policies':
      return buildPolicyStep(context, lost.from, lost.to);
    case 'eventTriggers':
      return buildEventTriggerStep(lost.from, lost.to);
    case 'publications':
      return buildPublicationStep(context, lost.from, lost.to);
    case 'settings':
      return buildSettingStep(context, lost.from, lost.to);
    case 'database':
      return { unwritten: 'the encoding and locale of a database can only be set when it is created' };
    default:
      return { unwritten: `repairing ${lost.kind} is not supported` };
  }
}
