/** Derives from the syntax tree what a statement creates or removes. The manifest carries this for the diagnosis. */
import type { CreateFunctionStmt, DropStmt, GrantStmt, Node, RenameStmt } from 'libpg-query';
import type { Effect } from '../../../lambda/contract/effects';
import { sha256 } from '../../../lambda/contract/manifest';
import { qualifyElement } from '../model/model-updates';
import type { ParsedStatement } from '../read/statements';
import {
  findOption,
  getKindAndBody,
  listNameParts,
  type NodeBody,
  type NodeKind,
  unwrapNode,
  unwrapNodes,
} from '../read/tree';
import type { RuleContext } from '../rules/facts';
import { formatType, resolveObjectName, resolveRelationName } from './catalog-names';
import { buildIndexKeys } from './constraint-effects';
import { ExpressionReader } from './expressions';
import { collectAlterTableEffects, collectCreateTableEffects, markUnlessExists } from './table-effects';
import { collectUncertainEffects } from './uncertain-effects';

export { findQueryReads, isChecksOnly, listChecks } from './checks';

/**
 * Returns the effects of a statement.
 * @param context what is known before the statement runs
 */
export const collectEffects = (statement: ParsedStatement, context: RuleContext): Effect[] => [
  ...collectUncertainEffects(statement.node),
  ...collectNodeEffects(statement.node, context, new ExpressionReader(statement)),
];

function collectNodeEffects(node: Node, context: RuleContext, code: ExpressionReader): Effect[] {
  const [kind, body] = getKindAndBody(node);
  const rule = RULES[kind] as
    | ((body: object, context: RuleContext, code: ExpressionReader) => Effect[])
    | undefined;
  return rule?.(body, context, code) ?? [];
}

const RULES: {
  readonly [K in NodeKind]?: (body: NodeBody<K>, context: RuleContext, code: ExpressionReader) => Effect[];
} = {
  CreateStmt: collectCreateTableEffects,
  CreateForeignTableStmt: ({ base }, context, code) => collectCreateTableEffects(base ?? {}, context, code),
  CreateTableAsStmt: ({ into, objtype, if_not_exists }, context) => {
    const table = objtype === 'OBJECT_TABLE' ? resolveRelationName(into?.rel, context) : undefined;
    const effects: Effect[] = table ? [{ kind: 'table', table }] : [];
    return if_not_exists ? markUnlessExists(effects) : effects;
  },
  SelectStmt: ({ intoClause }, context) => {
    const table = resolveRelationName(intoClause?.rel, context);
    return table ? [{ kind: 'table', table }] : [];
  },
  CreateSchemaStmt: ({ schemaElts, schemaname, authrole }, context, code) => {
    const schema = schemaname ?? authrole?.rolename;
    return schema
      ? (schemaElts ?? []).flatMap((element) =>
          collectNodeEffects(qualifyElement(element, schema), context, code),
        )
      : [];
  },
  AlterTableStmt: collectAlterTableEffects,
  IndexStmt: (body, context, code) => {
    const table = resolveRelationName(body.relation, context);
    if (!table) return [];
    const keys = buildIndexKeys(unwrapNodes(body.indexParams, 'IndexElem'), code, body.relation?.location);
    const effect: Effect = {
      kind: 'index',
      table,
      name: body.idxname ?? null,
      keys,
      unique: body.unique ?? false,
      primary: false,
      predicate: body.whereClause ? code.expression(body.whereClause) : null,
      deferrable: false,
    };
    return body.if_not_exists ? markUnlessExists([effect]) : [effect];
  },
  DropStmt: collectDropEffects,
  RenameStmt: collectRenameEffects,
  AlterObjectSchemaStmt: ({ relation, object, newschema, objectType }, context) => {
    const from = objectType === 'OBJECT_TABLE' ? resolveRelationName(relation, context) : undefined;
    if (from) return [{ kind: 'rename table', from, to: { schema: newschema ?? null, name: from.name } }];
    if (objectType === 'OBJECT_EXTENSION')
      return [{ kind: 'move extension', name: unwrapNode(object, 'String')?.sval ?? '' }];
    const routine = listNameParts(unwrapNode(object, 'ObjectWithArgs')?.objname);
    if (routine.length === 0) return [];
    const before = resolveObjectName(routine, context.path);
    return moveFunctionEffects(before, { schema: newschema ?? null, name: before.name });
  },
  CreateFunctionStmt: (body, context) => [
    {
      kind: 'function',
      function: resolveObjectName(listNameParts(body.funcname), context.path),
      arguments: unwrapNodes(body.parameters, 'FunctionParameter')
        .filter(({ mode }) => mode !== 'FUNC_PARAM_OUT' && mode !== 'FUNC_PARAM_TABLE')
        .map(({ argType }) => formatType({ ...argType, typmods: undefined })),
      source: readFunctionSource(body),
    },
  ],
  CreateExtensionStmt: ({ extname }) => [{ kind: 'extension', name: extname ?? '' }],
  AlterExtensionStmt: ({ extname }) => [{ kind: 'alter extension', name: extname ?? '' }],
  GrantStmt: collectPrivilegeEffects,
};

/**
 * Hashes the body of a function, which is a single string after AS. Two strings are the library and symbol of a C
 * function.
 */
function readFunctionSource({ options }: CreateFunctionStmt): string | null {
  const strings = listNameParts(unwrapNode(findOption(options, 'as')?.arg, 'List')?.items);
  return strings.length === 1 ? sha256(strings[0]!) : null;
}

function collectDropEffects({ objects, removeType }: DropStmt, context: RuleContext): Effect[] {
  return (objects ?? []).flatMap((object): Effect[] => {
    switch (removeType) {
      case 'OBJECT_TABLE':
      case 'OBJECT_FOREIGN_TABLE': {
        const table = resolveName(listNameParts(object), context);
        return table ? [{ kind: 'drop table', table }] : [];
      }
      case 'OBJECT_INDEX': {
        const index = resolveName(listNameParts(object), context);
        return index ? [{ kind: 'drop index', index }] : [];
      }
      case 'OBJECT_FUNCTION':
      case 'OBJECT_PROCEDURE':
      case 'OBJECT_ROUTINE':
      case 'OBJECT_AGGREGATE': {
        const name = listNameParts(unwrapNode(object, 'ObjectWithArgs')?.objname);
        return [{ kind: 'drop function', function: resolveObjectName(name, context.path) }];
      }
      case 'OBJECT_EXTENSION':
        return [{ kind: 'drop extension', name: unwrapNode(object, 'String')?.sval ?? '' }];
      default:
        return [];
    }
  });
}

const resolveName = (parts: readonly string[], context: RuleContext) =>
  resolveRelationName(
    { schemaname: parts.length > 1 ? parts.at(-2) : undefined, relname: parts.at(-1) },
    context,
  );

function collectRenameEffects(body: RenameStmt, context: RuleContext): Effect[] {
  const { relation, renameType, subname = '', newname: to = '', object } = body;
  const routine = listNameParts(unwrapNode(object, 'ObjectWithArgs')?.objname);
  if (routine.length > 0) {
    const before = resolveObjectName(routine, context.path);
    return moveFunctionEffects(before, { ...before, name: to });
  }
  const from = resolveRelationName(relation, context);
  if (!from) return [];
  switch (renameType) {
    case 'OBJECT_TABLE':
    case 'OBJECT_FOREIGN_TABLE':
      return [{ kind: 'rename table', from, to: { ...from, name: to } }];
    case 'OBJECT_INDEX':
      return [{ kind: 'rename index', from, to: { ...from, name: to } }];
    case 'OBJECT_COLUMN':
      return [{ kind: 'rename column', table: from, from: subname, to }];
    case 'OBJECT_TABCONSTRAINT':
      return [{ kind: 'rename constraint', table: from, from: subname, to }];
    default:
      return [];
  }
}

type FunctionName = Extract<Effect, { kind: 'drop function' }>['function'];

const moveFunctionEffects = (before: FunctionName, after: FunctionName): Effect[] => [
  { kind: 'drop function', function: before },
  { kind: 'function', function: after, arguments: null, source: null },
];

const GRANT_OBJECT_KINDS = {
  OBJECT_TABLE: 'table',
  OBJECT_SEQUENCE: 'sequence',
  OBJECT_SCHEMA: 'schema',
  OBJECT_FUNCTION: 'function',
  OBJECT_PROCEDURE: 'function',
  OBJECT_ROUTINE: 'function',
} as const;

function collectPrivilegeEffects(body: GrantStmt, context: RuleContext): Effect[] {
  const on = GRANT_OBJECT_KINDS[body.objtype as keyof typeof GRANT_OBJECT_KINDS];
  const privileges = unwrapNodes(body.privileges, 'AccessPriv');
  const whole = privileges.filter(({ cols }) => !cols).map(({ priv_name }) => priv_name ?? '');
  if (!on || body.targtype !== 'ACL_TARGET_OBJECT' || whole.length < Math.min(1, privileges.length))
    return [];
  // REVOKE GRANT OPTION FOR removes no privilege.
  if (!body.is_grant && body.grant_option) return [];
  const roles = unwrapNodes(body.grantees, 'RoleSpec').flatMap(({ roletype, rolename }) =>
    roletype === 'ROLESPEC_PUBLIC' ? 'public' : (rolename ?? []),
  );
  if (roles.length === 0) return [];
  return (body.objects ?? []).flatMap((object): Effect[] => {
    const relation = unwrapNode(object, 'RangeVar');
    const routine = unwrapNode(object, 'ObjectWithArgs');
    const name = relation
      ? resolveRelationName(relation, context)
      : on === 'schema'
        ? { schema: null, name: unwrapNode(object, 'String')?.sval ?? '' }
        : resolveObjectName(listNameParts(routine?.objname), context.path);
    return name
      ? [{ kind: body.is_grant ? 'grant' : 'revoke', on, object: name, privileges: whole, roles }]
      : [];
  });
}
