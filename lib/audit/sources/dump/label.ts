/** What a statement of a dump is about, for people: names alone, never a value. Pure. */
import type { Node } from 'libpg-query';
import { as, kindOf, sqlName, words } from '../../../compiler/read/tree';

const relation = (of: { schemaname?: string; relname?: string } | undefined): string =>
  of?.relname === undefined ? '' : sqlName(of.schemaname ? [of.schemaname, of.relname] : [of.relname]);

/** Of the statements that a dump consists of; names alone. */
export function labelOf(node: Node): string {
  const [kind] = kindOf(node);
  const named = (noun: string, name: string): string => (name === '' ? noun : `${noun} ${name}`);
  switch (kind) {
    case 'CreateStmt':
      return named('table', relation(as(node, 'CreateStmt')?.relation));
    case 'CreateForeignTableStmt':
      return named('foreign table', relation(as(node, 'CreateForeignTableStmt')?.base?.relation));
    case 'IndexStmt': {
      const index = as(node, 'IndexStmt');
      return `${named('index', index?.idxname ? sqlName([index.idxname]) : '')} on ${relation(index?.relation)}`;
    }
    case 'AlterTableStmt':
      return labelOfAlter(node);
    case 'ViewStmt':
      return named('view', relation(as(node, 'ViewStmt')?.view));
    case 'CreateTableAsStmt':
      return named(
        as(node, 'CreateTableAsStmt')?.objtype === 'OBJECT_MATVIEW' ? 'materialized view' : 'table',
        relation(as(node, 'CreateTableAsStmt')?.into?.rel),
      );
    case 'RefreshMatViewStmt':
      return named('data of materialized view', relation(as(node, 'RefreshMatViewStmt')?.relation));
    case 'CreateSeqStmt':
      return named('sequence', relation(as(node, 'CreateSeqStmt')?.sequence));
    case 'AlterSeqStmt':
      return named('owner of sequence', relation(as(node, 'AlterSeqStmt')?.sequence));
    case 'CreateFunctionStmt':
      return named('function', sqlName(words(as(node, 'CreateFunctionStmt')?.funcname ?? [])));
    case 'CreateTrigStmt': {
      const trigger = as(node, 'CreateTrigStmt');
      return `trigger ${sqlName([trigger?.trigname ?? ''])} on ${relation(trigger?.relation)}`;
    }
    case 'RuleStmt': {
      const rule = as(node, 'RuleStmt');
      return `rule ${sqlName([rule?.rulename ?? ''])} on ${relation(rule?.relation)}`;
    }
    case 'CreatePolicyStmt': {
      const policy = as(node, 'CreatePolicyStmt');
      return `policy ${sqlName([policy?.policy_name ?? ''])} on ${relation(policy?.table)}`;
    }
    case 'CreateSchemaStmt':
      return named('schema', as(node, 'CreateSchemaStmt')?.schemaname ?? '');
    case 'CreateExtensionStmt':
      return named('extension', as(node, 'CreateExtensionStmt')?.extname ?? '');
    case 'CreatePublicationStmt':
      return named('publication', as(node, 'CreatePublicationStmt')?.pubname ?? '');
    case 'CreateSubscriptionStmt':
      return named('subscription', as(node, 'CreateSubscriptionStmt')?.subname ?? '');
    case 'CreateEventTrigStmt':
      return named('event trigger', as(node, 'CreateEventTrigStmt')?.trigname ?? '');
    case 'CreateForeignServerStmt':
      return named('foreign server', as(node, 'CreateForeignServerStmt')?.servername ?? '');
    case 'CreateFdwStmt':
      return named('foreign data wrapper', as(node, 'CreateFdwStmt')?.fdwname ?? '');
    case 'CreateEnumStmt':
      return named('type', sqlName(words(as(node, 'CreateEnumStmt')?.typeName ?? [])));
    case 'CreateDomainStmt':
      return named('domain', sqlName(words(as(node, 'CreateDomainStmt')?.domainname ?? [])));
    case 'CompositeTypeStmt':
      return named('type', relation(as(node, 'CompositeTypeStmt')?.typevar));
    case 'CommentStmt':
      return 'comment';
    case 'GrantStmt':
      return 'privilege';
    case 'AlterDefaultPrivilegesStmt':
      return 'default privilege';
    default:
      return spaced(kind);
  }
}

function labelOfAlter(node: Node): string {
  const alter = as(node, 'AlterTableStmt');
  const on = relation(alter?.relation);
  const [first] = (alter?.cmds ?? []).flatMap((each) => as(each, 'AlterTableCmd') ?? []);
  const constraint = as(first?.def, 'Constraint')?.conname;
  if (constraint !== undefined) return `constraint ${sqlName([constraint])} on ${on}`;
  if (first?.subtype === 'AT_ColumnDefault') return `default of ${on}.${sqlName([first.name ?? ''])}`;
  return `change of ${on}`;
}

/** `CreateOpClassStmt` → `create op class` */
const spaced = (kind: string): string =>
  kind.replace(/Stmt$/, '').replace(/[A-Z]/g, (letter, at) => `${at > 0 ? ' ' : ''}${letter.toLowerCase()}`);
