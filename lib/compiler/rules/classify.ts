/** From a statement's syntax tree to what has to be known before it is run. One rule for each kind of statement. */
import type { Node } from 'libpg-query';
import { dropOwned } from '../lint/drop-owned';
import { rewriteTable } from '../lint/rewrite-table';
import { all, as, type Body, type Kind, kindOf, option, relationOf, sqlName, words } from '../read/tree';
import { alterDomain, alterTable } from './alter-table';
import { call, copy, doBlock, explain, lockTable, query, truncate } from './data';
import { drop } from './drop';
import { type Context, type Facts, FactsBuilder } from './facts';
import { createIndex, reindex } from './indexes';
import { clusterTable, vacuum } from './maintenance';
import { withoutPassword } from './password';
import { alterSubscription, createSubscription, dropSubscription, publication } from './replication';
import { alterSystem, refuseServer, refuseSession, setting, transactionControl } from './session';
import { createTable, createTableAs, createView, refresh, rename } from './tables';

/** Not statements by themselves: parts of others, and what PL/pgSQL alone knows. */
type Parts = 'RawStmt' | 'SetOperationStmt' | 'ReturnStmt' | 'PLAssignStmt' | 'ReplicaIdentityStmt';
/** Every statement that PostgreSQL's grammar knows: a new one does not compile until it has its rule. */
type StatementKind = Exclude<Extract<Kind, `${string}Stmt`>, Parts>;
type Rules = { readonly [K in StatementKind]: (body: Body<K>, context: Context) => FactsBuilder };

/** It locks no relation that the application uses, and holds no data. */
const plain = (command: string) => (_body: object, context: Context) => new FactsBuilder(command, context);

const RULES: Rules = {
  // data
  SelectStmt: (body, context) => query(body.valuesLists ? 'VALUES' : 'SELECT', body, 'SelectStmt', context),
  InsertStmt: (body, context) => query('INSERT', body, 'InsertStmt', context),
  UpdateStmt: (body, context) => query('UPDATE', body, 'UpdateStmt', context),
  DeleteStmt: (body, context) => query('DELETE', body, 'DeleteStmt', context),
  MergeStmt: (body, context) => query('MERGE', body, 'MergeStmt', context),
  ExplainStmt: explain,
  CallStmt: (_body, context) => call(context),
  DoStmt: (_body, context) => doBlock(context),
  TruncateStmt: truncate,
  CopyStmt: copy,
  LockStmt: lockTable,

  // relations
  CreateStmt: (body, context) => createTable(body, context),
  CreateForeignTableStmt: (body, context) => createTable(body.base ?? {}, context, 'CREATE FOREIGN TABLE'),
  CreateTableAsStmt: createTableAs,
  CreateSeqStmt: (body, context) => ownedBy(new FactsBuilder('CREATE SEQUENCE', context), body.options),
  ViewStmt: createView,
  RefreshMatViewStmt: refresh,
  AlterTableStmt: alterTable,
  AlterSeqStmt: (body, context) =>
    ownedBy(
      new FactsBuilder('ALTER SEQUENCE', context).lock(body.sequence, 'SHARE ROW EXCLUSIVE'),
      body.options,
    ),
  RenameStmt: rename,
  AlterObjectSchemaStmt: (body, context) =>
    new FactsBuilder(`ALTER ${noun(body.objectType)} SET SCHEMA`, context).lock(
      body.relation,
      'ACCESS EXCLUSIVE',
    ),
  AlterObjectDependsStmt: (body, context) =>
    new FactsBuilder(`ALTER ${noun(body.objectType)}`, context).lock(body.relation, 'ACCESS EXCLUSIVE'),
  AlterTableMoveAllStmt: (_body, context) =>
    new FactsBuilder('ALTER TABLE ALL IN TABLESPACE', context)
      .lockUnseen('ACCESS EXCLUSIVE')
      .breaks(rewriteTable, ['every relation of the tablespace is copied', 'Move them one by one.']),
  DropStmt: drop,
  IndexStmt: createIndex,
  ReindexStmt: reindex,
  ClusterStmt: clusterTable,
  VacuumStmt: vacuum,

  // what hangs on relations
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
    for (const relation of all(relations, 'RangeVar')) facts.lock(relation, 'SHARE UPDATE EXCLUSIVE');
    return facts;
  },
  CommentStmt: ({ objtype, object }, context) => onObject('COMMENT', objtype, words(object), context),
  SecLabelStmt: ({ objtype, object }, context) => onObject('SECURITY LABEL', objtype, words(object), context),
  CreatePublicationStmt: ({ pubobjects }, context) => publication('CREATE PUBLICATION', pubobjects, context),
  AlterPublicationStmt: ({ pubobjects }, context) => publication('ALTER PUBLICATION', pubobjects, context),

  // outside a transaction
  CreateSubscriptionStmt: createSubscription,
  AlterSubscriptionStmt: alterSubscription,
  DropSubscriptionStmt: dropSubscription,

  // a transaction of its own
  AlterEnumStmt: ({ newVal, oldVal }, context) => {
    const facts = new FactsBuilder('ALTER TYPE', context);
    if (newVal && !oldVal) {
      facts.command = 'ALTER TYPE ADD VALUE';
      facts.separate();
    }
    return facts;
  },

  // roles and rights
  CreateRoleStmt: ({ options }, context) =>
    withoutPassword(new FactsBuilder('CREATE ROLE', context), options),
  AlterRoleStmt: ({ options }, context) => withoutPassword(new FactsBuilder('ALTER ROLE', context), options),
  DropOwnedStmt: (_body, context) =>
    new FactsBuilder('DROP OWNED', context).breaks(dropOwned, []).lockUnseen('ACCESS EXCLUSIVE'),
  ReassignOwnedStmt: (_body, context) =>
    new FactsBuilder('REASSIGN OWNED', context).lockUnseen('ACCESS EXCLUSIVE'),
  AlterRoleSetStmt: plain('ALTER ROLE'),
  DropRoleStmt: plain('DROP ROLE'),
  GrantStmt: ({ is_grant }, context) => new FactsBuilder(is_grant ? 'GRANT' : 'REVOKE', context),
  GrantRoleStmt: ({ is_grant }, context) => new FactsBuilder(is_grant ? 'GRANT' : 'REVOKE', context),
  AlterDefaultPrivilegesStmt: plain('ALTER DEFAULT PRIVILEGES'),
  AlterOwnerStmt: ({ objectType }, context) => new FactsBuilder(`ALTER ${noun(objectType)} OWNER`, context),

  // functions, types and the rest
  CreateFunctionStmt: ({ is_procedure }, context) =>
    new FactsBuilder(is_procedure ? 'CREATE PROCEDURE' : 'CREATE FUNCTION', context),
  AlterFunctionStmt: plain('ALTER FUNCTION'),
  CreateSchemaStmt: ({ schemaElts }, context) => {
    const facts = new FactsBuilder('CREATE SCHEMA', context);
    // The new schema is found before those of the path: what it gets is not what had the name so far.
    const made = new Set(
      (schemaElts ?? []).flatMap((element) => madeBy(element).map((name) => facts.key(name))),
    );
    for (const element of schemaElts ?? [])
      for (const { relation, mode } of classify(element, context).locks)
        if (!made.has(relation)) facts.lockKnown(relation, mode);
    return facts;
  },
  CreateExtensionStmt: plain('CREATE EXTENSION'),
  AlterExtensionStmt: plain('ALTER EXTENSION'),
  AlterExtensionContentsStmt: plain('ALTER EXTENSION'),
  CreateDomainStmt: plain('CREATE DOMAIN'),
  AlterDomainStmt: alterDomain,
  CompositeTypeStmt: plain('CREATE TYPE'),
  CreateEnumStmt: plain('CREATE TYPE'),
  CreateRangeStmt: plain('CREATE TYPE'),
  AlterTypeStmt: plain('ALTER TYPE'),
  DefineStmt: ({ kind }, context) => new FactsBuilder(`CREATE ${noun(kind)}`, context),
  CreateCastStmt: plain('CREATE CAST'),
  CreateConversionStmt: plain('CREATE CONVERSION'),
  CreateTransformStmt: plain('CREATE TRANSFORM'),
  CreatePLangStmt: plain('CREATE LANGUAGE'),
  CreateAmStmt: plain('CREATE ACCESS METHOD'),
  CreateOpClassStmt: plain('CREATE OPERATOR CLASS'),
  CreateOpFamilyStmt: plain('CREATE OPERATOR FAMILY'),
  AlterOpFamilyStmt: plain('ALTER OPERATOR FAMILY'),
  AlterOperatorStmt: plain('ALTER OPERATOR'),
  AlterCollationStmt: plain('ALTER COLLATION'),
  AlterStatsStmt: plain('ALTER STATISTICS'),
  AlterTSConfigurationStmt: plain('ALTER TEXT SEARCH CONFIGURATION'),
  AlterTSDictionaryStmt: plain('ALTER TEXT SEARCH DICTIONARY'),
  CreateEventTrigStmt: plain('CREATE EVENT TRIGGER'),
  AlterEventTrigStmt: plain('ALTER EVENT TRIGGER'),
  CreateFdwStmt: plain('CREATE FOREIGN DATA WRAPPER'),
  AlterFdwStmt: plain('ALTER FOREIGN DATA WRAPPER'),
  CreateForeignServerStmt: plain('CREATE SERVER'),
  AlterForeignServerStmt: plain('ALTER SERVER'),
  CreateUserMappingStmt: ({ options }, context) =>
    withoutPassword(new FactsBuilder('CREATE USER MAPPING', context), options),
  AlterUserMappingStmt: ({ options }, context) =>
    withoutPassword(new FactsBuilder('ALTER USER MAPPING', context), options),
  DropUserMappingStmt: plain('DROP USER MAPPING'),
  ImportForeignSchemaStmt: plain('IMPORT FOREIGN SCHEMA'),
  ConstraintsSetStmt: plain('SET CONSTRAINTS'),
  VariableShowStmt: plain('SHOW'),
  CheckPointStmt: plain('CHECKPOINT'),
  AlterDatabaseSetStmt: plain('ALTER DATABASE'),
  AlterDatabaseRefreshCollStmt: plain('ALTER DATABASE'),

  // refused
  TransactionStmt: transactionControl,
  VariableSetStmt: setting,
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
  AlterSystemStmt: alterSystem,
  CreatedbStmt: refuseServer('CREATE DATABASE'),
  DropdbStmt: refuseServer('DROP DATABASE'),
  AlterDatabaseStmt: refuseServer('ALTER DATABASE'),
  CreateTableSpaceStmt: refuseServer('CREATE TABLESPACE'),
  DropTableSpaceStmt: refuseServer('DROP TABLESPACE'),
  AlterTableSpaceOptionsStmt: refuseServer('ALTER TABLESPACE'),
};

export function classify(node: Node, context: Context): Facts {
  const [kind, body] = kindOf(node);
  const rule = RULES[kind as StatementKind] as (body: object, context: Context) => FactsBuilder;
  return rule(body, context).facts();
}

/** What an element of CREATE SCHEMA makes, as it is written. */
const madeBy = (element: Node): string[] =>
  [as(element, 'CreateStmt')?.relation, as(element, 'ViewStmt')?.view].flatMap((made) =>
    made ? relationOf(made) : [],
  );

const noun = (type: string | undefined): string => (type ?? '').replace('OBJECT_', '').replaceAll('_', ' ');

/** Kinds of object whose name is that of a relation, or begins with one. */
function onObject(command: string, type: string | undefined, name: string[], context: Context): FactsBuilder {
  const facts = new FactsBuilder(command, context);
  if (/^OBJECT_(TABLE|VIEW|MATVIEW|INDEX|SEQUENCE|FOREIGN_TABLE)$/.test(type ?? ''))
    facts.lock(sqlName(name), 'SHARE UPDATE EXCLUSIVE');
  else if (type === 'OBJECT_COLUMN') facts.lock(sqlName(name.slice(0, -1)), 'SHARE UPDATE EXCLUSIVE');
  else if (/^OBJECT_(TABCONSTRAINT|TRIGGER|RULE|POLICY)$/.test(type ?? ''))
    facts.lock(sqlName(name.slice(0, -1)), 'ACCESS SHARE');
  return facts;
}

function ownedBy(facts: FactsBuilder, options: Node[] | undefined): FactsBuilder {
  const column = words(as(option(options, 'owned_by')?.arg, 'List')?.items);
  return column.length > 1 ? facts.lock(sqlName(column.slice(0, -1)), 'ACCESS SHARE') : facts;
}
