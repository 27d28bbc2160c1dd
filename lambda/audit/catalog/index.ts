/** Describes a database without its rows, as one list of objects for each kind. */
import { type Collation, collations } from './collations';
import { type Column, columns } from './columns';
import { type Comment, comments } from './comments';
import { type Constraint, constraints } from './constraints';
import { type DataType, types } from './data-types';
import { type DatabaseProperties, database } from './database';
import { type EventTrigger, eventTriggers } from './event-triggers';
import { type Extension, extensions } from './extensions';
import { type ForeignServer, foreignServers } from './foreign-servers';
import { functions, type Routine } from './functions';
import { type Grant, grants } from './grants';
import { type Index, indexes } from './indexes';
import type { ObjectKind } from './kind';
import { type Policy, policies } from './policies';
import { type Publication, publications } from './publications';
import { type Role, roles } from './roles';
import { type Rule, rules } from './rules';
import { type Schema, schemas } from './schemas';
import { type Sequence, sequences } from './sequences';
import { type Setting, settings } from './settings';
import { type Subscription, subscriptions } from './subscriptions';
import { type Table, tables } from './tables';
import { type Trigger, triggers } from './triggers';
import { others, type UndescribedObjects } from './undescribed-objects';
import { type View, views } from './views';

/**
 * The objects of a database's application. Objects of the server, of extensions and of Trueup are left out. Every list
 * is sorted by name. A field that does not apply to an object is absent. Two objects of the same name are equal if all
 * their fields are. Servers of one major version write texts (`definition`, expressions) in the same way.
 */
export interface Catalog {
  /** Properties of the database, as a list of one. */
  readonly database: readonly DatabaseProperties[];
  readonly settings: readonly Setting[];
  readonly extensions: readonly Extension[];
  readonly schemas: readonly Schema[];
  readonly collations: readonly Collation[];
  readonly types: readonly DataType[];
  readonly sequences: readonly Sequence[];
  readonly tables: readonly Table[];
  readonly columns: readonly Column[];
  readonly constraints: readonly Constraint[];
  readonly indexes: readonly Index[];
  readonly views: readonly View[];
  readonly functions: readonly Routine[];
  readonly triggers: readonly Trigger[];
  readonly rules: readonly Rule[];
  readonly policies: readonly Policy[];
  readonly eventTriggers: readonly EventTrigger[];
  readonly publications: readonly Publication[];
  readonly subscriptions: readonly Subscription[];
  readonly foreignServers: readonly ForeignServer[];
  readonly roles: readonly Role[];
  readonly grants: readonly Grant[];
  readonly comments: readonly Comment[];
  /** Number of objects of the kinds that are only counted. */
  readonly others: readonly UndescribedObjects[];
}

/** All kinds of objects, in the order in which they are read and written. */
export const OBJECT_KINDS: { readonly [K in keyof Catalog]: ObjectKind<Catalog[K][number]> } = {
  database,
  settings,
  extensions,
  schemas,
  collations,
  types,
  sequences,
  tables,
  columns,
  constraints,
  indexes,
  views,
  functions,
  triggers,
  rules,
  policies,
  eventTriggers,
  publications,
  subscriptions,
  foreignServers,
  roles,
  grants,
  comments,
  others,
};
