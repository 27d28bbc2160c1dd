/** What a difference becomes. Pure; the parser must be ready. */
import type { Difference, Lost } from '../../../lambda/audit/compare/difference';
import type { Context } from './context';
import type { Part, Unwritten } from './part';
import { eventTriggerPart, functionPart, rulePart, triggerPart, viewPart } from './parts/code';
import { columnPart } from './parts/columns';
import { constraintPart, renamedConstraint } from './parts/constraints';
import { indexPart } from './parts/indexes';
import { commentPart, publicationPart, settingPart } from './parts/rest';
import { grantParts, policyPart } from './parts/rights';
import { collationPart, extensionPart, schemaPart } from './parts/schemas';
import { ownPart, sequencePart, widenPart } from './parts/sequences';
import { replicaIdentityPart, rowSecurityPart, tablePart } from './parts/tables';
import { typePart } from './parts/types';

export function partsOf(context: Context, difference: Difference): readonly (Part | Unwritten)[] {
  const { id, lost, object } = difference;
  const [first] = lost;
  if (first?.kind === 'grants')
    return grantParts(
      context,
      lost.flatMap((each) => (each.kind === 'grants' ? [each.from] : [])),
    );
  if (first?.kind === 'comments')
    return [
      commentPart(
        object,
        lost.flatMap((each) => (each.kind === 'comments' ? [each.from] : [])),
      ),
    ];
  return lost.map((each) => partOf(context, id, each));
}

function partOf(context: Context, id: Difference['id'], lost: Lost): Part | Unwritten {
  switch (lost.kind) {
    case 'schemas':
      return schemaPart(lost.from);
    case 'extensions':
      return extensionPart(lost.from, lost.to);
    case 'collations':
      return collationPart(lost.from, lost.to);
    case 'types':
      return typePart(lost.from, lost.to);
    case 'sequences':
      if (lost.to && id === 'sequence-unowned') return ownPart(lost.to, lost.from.ownedBy!);
      return lost.to && id === 'sequence-too-small'
        ? widenPart(lost.to, lost.from.type, lost.from.max)
        : sequencePart(context, lost.from, lost.to);
    case 'tables':
      if (lost.to && id === 'row-security-lost') return rowSecurityPart(lost.from, lost.to);
      return id === 'replica-identity'
        ? replicaIdentityPart(lost.from)
        : tablePart(context, lost.from, lost.to);
    case 'columns':
      return columnPart(context, id, lost.from, lost.to);
    case 'indexes':
      return indexPart(context, id, lost.from, lost.to);
    case 'constraints':
      return id === 'renamed' && lost.to
        ? renamedConstraint(lost.from, lost.to)
        : constraintPart(context, lost.from, lost.to);
    case 'views':
      return viewPart(context, lost.from, lost.to);
    case 'functions':
      return functionPart(lost.from, lost.to);
    case 'triggers':
      return triggerPart(context, lost.from, lost.to);
    case 'rules':
      return rulePart(lost.from, lost.to);
    case 'policies':
      return policyPart(context, lost.from, lost.to);
    case 'eventTriggers':
      return eventTriggerPart(lost.from, lost.to);
    case 'publications':
      return publicationPart(context, lost.from, lost.to);
    case 'settings':
      return settingPart(context, lost.from, lost.to);
    case 'database':
      return { unwritten: 'encoding and locale of a database are chosen when it is created' };
    default:
      return { unwritten: `nothing is written for ${lost.kind}` };
  }
}
