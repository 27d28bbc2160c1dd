/** Names the object that a statement of a dump is about, for reports. A label contains only names, never data. Pure. */
import type { Node } from 'libpg-query';
import { formatSqlName, getKindAndBody, listNameParts, unwrapNode } from '../../../compiler/read/tree';

const formatLabelRelation = (of: { schemaname?: string; relname?: string } | undefined): string =>
  of?.relname === undefined ? '' : formatSqlName(of.schemaname ? [of.schemaname, of.relname] : [of.relname]);

/** Returns the label of a statement, such as `table public.orders`. */
export function describeStatement(node: Node): string {
  const [kind] = getKindAndBody(node);
  const named = (noun: string, name: string): string => (name === '' ? noun : `${noun} ${name}`);
  switch (kind) {
    case 'CreateStmt':
      return named('table', formatLabelRelation(unwrapNode(node, 'CreateStmt')?.relation));
    case 'CreateForeignTableStmt':
      return named(
        'foreign table',
        formatLabelRelation(unwrapNode(node, 'CreateForeignTableStmt')?.base?.relation),
      );
    case 'IndexStmt': {
      const index = unwrapNode(node, 'IndexStmt');
      return `${named('index', index?.idxname ? formatSqlName([index.idxname]) : '')} on ${formatLabelRelation(index?.relation)}`;
    }
    case 'AlterTableStmt':
      return describeAlter(node);
    case 'ViewStmt':
      return named('view', formatLabelRelation(unwrapNode(node, 'ViewStmt')?.view));
    case 'CreateTableAsStmt':
      return named(
        unwrapNode(node, 'CreateTableAsStmt')?.objtype === 'OBJECT_MATVIEW' ? 'materialized view' : 'table',
        formatLabelRelation(unwrapNode(node, 'CreateTableAsStmt')?.into?.rel),
      );
    case 'RefreshMatViewStmt':
      return named(
        'data of materialized view',
        formatLabelRelation(unwrapNode(node, 'RefreshMatViewStmt')?.relation),
      );
    case 'CreateSeqStmt':
      return named('sequence', formatLabelRelation(unwrapNode(node, 'CreateSeqStmt')?.sequence));
    case 'AlterSeqStmt':
      return named('owner of sequence', formatLabelRelation(unwrapNode(node, 'AlterSeqStmt')?.sequence));
    case 'CreateFunctionStmt':
      return named(
        'function',
        formatSqlName(listNameParts(unwrapNode(node, 'CreateFunctionStmt')?.funcname ?? [])),
      );
    case 'CreateTrigStmt': {
      const trigger = unwrapNode(node, 'CreateTrigStmt');
      return `trigger ${formatSqlName([trigger?.trigname ?? ''])} on ${formatLabelRelation(trigger?.relation)}`;
    }
    case 'RuleStmt': {
      const rule = unwrapNode(node, 'RuleStmt');
      return `rule ${formatSqlName([rule?.rulename ?? ''])} on ${formatLabelRelation(rule?.relation)}`;
    }
    case 'CreatePolicyStmt': {
      const policy = unwrapNode(node, 'CreatePolicyStmt');
      return `policy ${formatSqlName([policy?.policy_name ?? ''])} on ${formatLabelRelation(policy?.table)}`;
    }
    case 'CreateSchemaStmt':
      return named('schema', unwrapNode(node, 'CreateSchemaStmt')?.schemaname ?? '');
    case 'CreateExtensionStmt':
      return named('extension', unwrapNode(node, 'CreateExtensionStmt')?.extname ?? '');
    case 'CreatePublicationStmt':
      return named('publication', unwrapNode(node, 'CreatePublicationStmt')?.pubname ?? '');
    case 'CreateSubscriptionStmt':
      return named('subscription', unwrapNode(node, 'CreateSubscriptionStmt')?.subname ?? '');
    case 'CreateEventTrigStmt':
      return named('event trigger', unwrapNode(node, 'CreateEventTrigStmt')?.trigname ?? '');
    case 'CreateForeignServerStmt':
      return named('foreign server', unwrapNode(node, 'CreateForeignServerStmt')?.servername ?? '');
    case 'CreateFdwStmt':
      return named('foreign data wrapper', unwrapNode(node, 'CreateFdwStmt')?.fdwname ?? '');
    case 'CreateEnumStmt':
      return named('type', formatSqlName(listNameParts(unwrapNode(node, 'CreateEnumStmt')?.typeName ?? [])));
    case 'CreateDomainStmt':
      return named(
        'domain',
        formatSqlName(listNameParts(unwrapNode(node, 'CreateDomainStmt')?.domainname ?? [])),
      );
    case 'CompositeTypeStmt':
      return named('type', formatLabelRelation(unwrapNode(node, 'CompositeTypeStmt')?.typevar));
    case 'CommentStmt':
      return 'comment';
    case 'GrantStmt':
      return 'privilege';
    case 'AlterDefaultPrivilegesStmt':
      return 'default privilege';
    default:
      return splitKindName(kind);
  }
}

function describeAlter(node: Node): string {
  const alter = unwrapNode(node, 'AlterTableStmt');
  const on = formatLabelRelation(alter?.relation);
  const [first] = (alter?.cmds ?? []).flatMap((each) => unwrapNode(each, 'AlterTableCmd') ?? []);
  const constraint = unwrapNode(first?.def, 'Constraint')?.conname;
  if (constraint !== undefined) return `constraint ${formatSqlName([constraint])} on ${on}`;
  if (first?.subtype === 'AT_ColumnDefault') return `default of ${on}.${formatSqlName([first.name ?? ''])}`;
  return `change of ${on}`;
}

/** Converts a node's name to words: `CreateOpClassStmt` → `create op class`. */
const splitKindName = (kind: string): string =>
  kind.replace(/Stmt$/, '').replace(/[A-Z]/g, (letter, at) => `${at > 0 ? ' ' : ''}${letter.toLowerCase()}`);
