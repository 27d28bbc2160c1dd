/**
 * Derives from a statement's syntax tree what must be known before it runs, with one rule for each kind of statement.
 */
import type { Node } from 'libpg-query';
import { dropOwned } from '../lint/drop-owned';
import { rewriteTable } from '../lint/rewrite-table';
import {
  findOption,
  formatRelation,
  formatSqlName,
  getKindAndBody,
  listNameParts,
  type NodeBody,
  type NodeKind,
  unwrapNode,
  unwrapNodes,
} from '../read/tree';
import { classifyAlterDomain, classifyAlterTable } from './alter-table';
import {
  classifyCall,
  classifyCopy,
  classifyDoBlock,
  classifyExplain,
  classifyLockTable,
  classifyQuery,
  classifyTruncate,
} from './data';
import { classifyDrop } from './drop';
import { FactsBuilder, type RuleContext, type RuleFacts } from './facts';
import { classifyCreateIndex, classifyReindex } from './index-statements';
import { classifyCluster, classifyVacuum } from './maintenance';
import { refusePassword } from './password';
import {
  classifyAlterSubscription,
  classifyCreateSubscription,
  classifyDropSubscription,
  classifyPublication,
} from './replication';
import {
  classifySetting,
  classifyTransactionControl,
  refuseAlterSystem,
  refuseServer,
  refuseSession,
} from './session';
import {
  classifyCreateTable,
  classifyCreateTableAs,
  classifyCreateView,
  classifyRefresh,
  classifyRename,
} from './table-statements';

/** Kinds that are not statements themselves: parts of other statements, and kinds that only PL/pgSQL has. */
type NestedStatementKind =
  | 'RawStmt'
  | 'SetOperationStmt'
  | 'ReturnStmt'
  | 'PLAssignStmt'
  | 'ReplicaIdentityStmt';
/** Every kind of statement in PostgreSQL's grammar: a new one does not compile until it has a rule. */
type StatementKind = Exclude<Extract<NodeKind, `${string}Stmt`>, NestedStatementKind>;
type Rules = { readonly [K in StatementKind]: (body: NodeBody<K>, context: RuleContext) => FactsBuilder };

/** Classifies statements that lock no relation of the application and destroy no data. */
const classifyPlain = (command: string) => (_body: object, context: RuleContext) =>
  new FactsBuilder(command, context);

const RULES: Rules = {
  // Data
  SelectStmt: (body, context) =>
    classifyQuery(body.valuesLists ? 'VALUES' : 'SELECT', body, 'SelectStmt', context),
  InsertStmt: (body, context) => classifyQuery('INSERT', body, 'InsertStmt', context),
  UpdateStmt: (body, context) => classifyQuery('UPDATE', body, 'UpdateStmt', context),
  DeleteStmt: (body, context) => classifyQuery('DELETE', body, 'DeleteStmt', context),
  MergeStmt: (body, context) => classifyQuery('MERGE', body, 'MergeStmt', context),
  ExplainStmt: classifyExplain,
  CallStmt: (_body, context) => classifyCall(context),
  DoStmt: (_body, context) => classifyDoBlock(context),
  TruncateStmt: classifyTruncate,
  CopyStmt: classifyCopy,
  LockStmt: classifyLockTable,

  // Relations
  CreateStmt: (body, context) => classifyCreateTable(body, context),
  CreateForeignTableStmt: (body, context) =>
    classifyCreateTable(body.base ?? {}, context, 'CREATE FOREIGN TABLE'),
  CreateTableAsStmt: classifyCreateTableAs,
  CreateSeqStmt: (body, context) =>
    lockOwningTable(new FactsBuilder('CREATE SEQUENCE', context), body.options),
  ViewStmt: classifyCreateView,
  RefreshMatViewStmt: classifyRefresh,
  AlterTableStmt: classifyAlterTable,
  AlterSeqStmt: (body, context) =>
    lockOwningTable(
      new FactsBuilder('ALTER SEQUENCE', context).lock(body.sequence, 'SHARE ROW EXCLUSIVE'),
      body.options,
    ),
  RenameStmt: classifyRename,
  AlterObjectSchemaStmt: (body, context) =>
    new FactsBuilder(`ALTER ${formatObjectType(body.objectType)} SET SCHEMA`, context).lock(
      body.relation,
      'ACCESS EXCLUSIVE',
    ),
  AlterObjectDependsStmt: (body, context) =>
    new FactsBuilder(`ALTER ${formatObjectType(body.objectType)}`, context).lock(
      body.relation,
      'ACCESS EXCLUSIVE',
    ),
  AlterTableMoveAllStmt: (_body, context) =>
    new FactsBuilder('ALTER TABLE ALL IN TABLESPACE', context)
      .lockUnseen('ACCESS EXCLUSIVE')
      .breaks(rewriteTable, ['every relation of the tablespace is copied', 'Move them one by one.']),
  DropStmt: classifyDrop,
  IndexStmt: classifyCreateIndex,
  ReindexStmt: classifyReindex,
  ClusterStmt: classifyCluster,
  VacuumStmt: classifyVacuum,

  // Objects that belong to relations
  CreateTrigStmt: ({ relation, constrrel }, context) =>
    new FactsBuilder('CREATE TRIGGER', context)
      .lock(constrrel, 'ACCESS SHARE')
      .lock(relation, 'SHARE ROW EXCLUSIVE'),
  CreatePolicyStmt: ({ table }, context) =>
    new FactsBuilder('CREATE POLICY', context).lock(table, 'ACCESS EXCLUSIVE'),
  AlterPolicyStmt: ({ table }, context) =>
    new FactsBuilder('ALTER POLICY', context).lock(table, 'ACCESS EXCLUSIVE'),
  RuleStmt: ({ relation }, context) =>
    new FactsBuilder('CREATE RULE', context).lock(relation, 'ACCESS EXCLUSIVE'),
  CreateStatsStmt: ({ relations }, context) => {
    const facts = new FactsBuilder('CREATE STATISTICS', context);
    for (const relation of unwrapNodes(relations, 'RangeVar')) facts.lock(relation, 'SHARE UPDATE EXCLUSIVE');
    return facts;
  },
  CommentStmt: ({ objtype, object }, context) =>
    classifyObjectCommand('COMMENT', objtype, listNameParts(object), context),
  SecLabelStmt: ({ objtype, object }, context) =>
    classifyObjectCommand('SECURITY LABEL', objtype, listNameParts(object), context),
  CreatePublicationStmt: ({ pubobjects }, context) =>
    classifyPublication('CREATE PUBLICATION', pubobjects, context),
  AlterPublicationStmt: ({ pubobjects }, context) =>
    classifyPublication('ALTER PUBLICATION', pubobjects, context),

  // Outside a transaction
  CreateSubscriptionStmt: classifyCreateSubscription,
  AlterSubscriptionStmt: classifyAlterSubscription,
  DropSubscriptionStmt: classifyDropSubscription,

  // In a separate transaction
  AlterEnumStmt: ({ newVal, oldVal }, context) => {
    const facts = new FactsBuilder('ALTER TYPE', context);
    if (newVal && !oldVal) {
      facts.command = 'ALTER TYPE ADD VALUE';
      facts.separate();
    }
    return facts;
  },

  // Roles and privileges
  CreateRoleStmt: ({ options }, context) => refusePassword(new FactsBuilder('CREATE ROLE', context), options),
  AlterRoleStmt: ({ options }, context) => refusePassword(new FactsBuilder('ALTER ROLE', context), options),
  DropOwnedStmt: (_body, context) =>
    new FactsBuilder('DROP OWNED', context).breaks(dropOwned, []).lockUnseen('ACCESS EXCLUSIVE'),
  ReassignOwnedStmt: (_body, context) =>
    new FactsBuilder('REASSIGN OWNED', context).lockUnseen('ACCESS EXCLUSIVE'),
  AlterRoleSetStmt: classifyPlain('ALTER ROLE'),
  DropRoleStmt: classifyPlain('DROP ROLE'),
  GrantStmt: ({ is_grant }, context) => new FactsBuilder(is_grant ? 'GRANT' : 'REVOKE', context),
  GrantRoleStmt: ({ is_grant }, context) => new FactsBuilder(is_grant ? 'GRANT' : 'REVOKE', context),
  AlterDefaultPrivilegesStmt: classifyPlain('ALTER DEFAULT PRIVILEGES'),
  AlterOwnerStmt: ({ objectType }, context) =>
    new FactsBuilder(`ALTER ${formatObjectType(objectType)} OWNER`, context),

  // Functions, types and the rest
  CreateFunctionStmt: ({ is_procedure }, context) =>
    new FactsBuilder(is_procedure ? 'CREATE PROCEDURE' : 'CREATE FUNCTION', context),
  AlterFunctionStmt: classifyPlain('ALTER FUNCTION'),
  CreateSchemaStmt: ({ schemaElts }, context) => {
    const facts = new FactsBuilder('CREATE SCHEMA', context);
    // The new schema is searched before those of the search path, so its elements do not mean older relations of the
    // same name.
    const made = new Set(
      (schemaElts ?? []).flatMap((element) => listCreatedRelations(element).map((name) => facts.key(name))),
    );
    for (const element of schemaElts ?? [])
      for (const { relation, mode } of classify(element, context).locks)
        if (!made.has(relation)) facts.lockKnown(relation, mode);
    return facts;
  },
  CreateExtensionStmt: classifyPlain('CREATE EXTENSION'),
  AlterExtensionStmt: classifyPlain('ALTER EXTENSION'),
  AlterExtensionContentsStmt: classifyPlain('ALTER EXTENSION'),
  CreateDomainStmt: classifyPlain('CREATE DOMAIN'),
  AlterDomainStmt: classifyAlterDomain,
  CompositeTypeStmt: classifyPlain('CREATE TYPE'),
  CreateEnumStmt: classifyPlain('CREATE TYPE'),
  CreateRangeStmt: classifyPlain('CREATE TYPE'),
  AlterTypeStmt: classifyPlain('ALTER TYPE'),
  DefineStmt: ({ kind }, context) => new FactsBuilder(`CREATE ${formatObjectType(kind)}`, context),
  CreateCastStmt: classifyPlain('CREATE CAST'),
  CreateConversionStmt: classifyPlain('CREATE CONVERSION'),
  CreateTransformStmt: classifyPlain('CREATE TRANSFORM'),
  CreatePLangStmt: classifyPlain('CREATE LANGUAGE'),
  CreateAmStmt: classifyPlain('CREATE ACCESS METHOD'),
  CreateOpClassStmt: classifyPlain('CREATE OPERATOR CLASS'),
  CreateOpFamilyStmt: classifyPlain('CREATE OPERATOR FAMILY'),
  AlterOpFamilyStmt: classifyPlain('ALTER OPERATOR FAMILY'),
  AlterOperatorStmt: classifyPlain('ALTER OPERATOR'),
  AlterCollationStmt: classifyPlain('ALTER COLLATION'),
  AlterStatsStmt: classifyPlain('ALTER STATISTICS'),
  AlterTSConfigurationStmt: classifyPlain('ALTER TEXT SEARCH CONFIGURATION'),
  AlterTSDictionaryStmt: classifyPlain('ALTER TEXT SEARCH DICTIONARY'),
  CreateEventTrigStmt: classifyPlain('CREATE EVENT TRIGGER'),
  AlterEventTrigStmt: classifyPlain('ALTER EVENT TRIGGER'),
  CreateFdwStmt: classifyPlain('CREATE FOREIGN DATA WRAPPER'),
  AlterFdwStmt: classifyPlain('ALTER FOREIGN DATA WRAPPER'),
  CreateForeignServerStmt: classifyPlain('CREATE SERVER'),
  AlterForeignServerStmt: classifyPlain('ALTER SERVER'),
  CreateUserMappingStmt: ({ options }, context) =>
    refusePassword(new FactsBuilder('CREATE USER MAPPING', context), options),
  AlterUserMappingStmt: ({ options }, context) =>
    refusePassword(new FactsBuilder('ALTER USER MAPPING', context), options),
  DropUserMappingStmt: classifyPlain('DROP USER MAPPING'),
  ImportForeignSchemaStmt: classifyPlain('IMPORT FOREIGN SCHEMA'),
  ConstraintsSetStmt: classifyPlain('SET CONSTRAINTS'),
  VariableShowStmt: classifyPlain('SHOW'),
  CheckPointStmt: classifyPlain('CHECKPOINT'),
  AlterDatabaseSetStmt: classifyPlain('ALTER DATABASE'),
  AlterDatabaseRefreshCollStmt: classifyPlain('ALTER DATABASE'),

  // Rejected
  TransactionStmt: classifyTransactionControl,
  VariableSetStmt: classifySetting,
  DiscardStmt: refuseSession('DISCARD'),
  ListenStmt: refuseSession('LISTEN'),
  UnlistenStmt: refuseSession('UNLISTEN'),
  NotifyStmt: refuseSession('NOTIFY'),
  PrepareStmt: refuseSession('PREPARE'),
  ExecuteStmt: refuseSession('EXECUTE'),
  DeallocateStmt: refuseSession('DEALLOCATE'),
  DeclareCursorStmt: refuseSession('DECLARE CURSOR'),
  FetchStmt: refuseSession('FETCH'),
  ClosePortalStmt: refuseSession('CLOSE'),
  LoadStmt: refuseSession('LOAD'),
  AlterSystemStmt: refuseAlterSystem,
  CreatedbStmt: refuseServer('CREATE DATABASE'),
  DropdbStmt: refuseServer('DROP DATABASE'),
  AlterDatabaseStmt: refuseServer('ALTER DATABASE'),
  CreateTableSpaceStmt: refuseServer('CREATE TABLESPACE'),
  DropTableSpaceStmt: refuseServer('DROP TABLESPACE'),
  AlterTableSpaceOptionsStmt: refuseServer('ALTER TABLESPACE'),
};

export function classify(node: Node, context: RuleContext): RuleFacts {
  const [kind, body] = getKindAndBody(node);
  const rule = RULES[kind as StatementKind] as (body: object, context: RuleContext) => FactsBuilder;
  return rule(body, context).facts();
}

/** Returns the relations that an element of CREATE SCHEMA creates, as the file names them. */
const listCreatedRelations = (element: Node): string[] =>
  [unwrapNode(element, 'CreateStmt')?.relation, unwrapNode(element, 'ViewStmt')?.view].flatMap((made) =>
    made ? formatRelation(made) : [],
  );

const formatObjectType = (type: string | undefined): string =>
  (type ?? '').replace('OBJECT_', '').replaceAll('_', ' ');

/** Classifies commands on objects whose name is that of a relation, or begins with one. */
function classifyObjectCommand(
  command: string,
  type: string | undefined,
  name: string[],
  context: RuleContext,
): FactsBuilder {
  const facts = new FactsBuilder(command, context);
  if (/^OBJECT_(TABLE|VIEW|MATVIEW|INDEX|SEQUENCE|FOREIGN_TABLE)$/.test(type ?? ''))
    facts.lock(formatSqlName(name), 'SHARE UPDATE EXCLUSIVE');
  else if (type === 'OBJECT_COLUMN') facts.lock(formatSqlName(name.slice(0, -1)), 'SHARE UPDATE EXCLUSIVE');
  else if (/^OBJECT_(TABCONSTRAINT|TRIGGER|RULE|POLICY)$/.test(type ?? ''))
    facts.lock(formatSqlName(name.slice(0, -1)), 'ACCESS SHARE');
  return facts;
}

function lockOwningTable(facts: FactsBuilder, options: Node[] | undefined): FactsBuilder {
  const column = listNameParts(unwrapNode(findOption(options, 'owned_by')?.arg, 'List')?.items);
  return column.length > 1 ? facts.lock(formatSqlName(column.slice(0, -1)), 'ACCESS SHARE') : facts;
}
