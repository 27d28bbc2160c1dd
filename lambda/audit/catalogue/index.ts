/** What a database is, without its rows: one list a kind of object. */
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
import type { Kind } from './kind';
import { type Others, others } from './others';
import { type Policy, policies } from './policies';
import { type Publication, publications } from './publications';
import { type Rule, rules } from './rules';
import { type Schema, schemas } from './schemas';
import { type Sequence, sequences } from './sequences';
import { type Setting, settings } from './settings';
import { type Subscription, subscriptions } from './subscriptions';
import { type Table, tables } from './tables';
import { type Trigger, triggers } from './triggers';
import { type View, views } from './views';

/**
 * Sorted by name; objects of the application alone: none of the server, of an extension, or of Trueup. A field that an
 * object does not have is not there. Two objects of the same name are equal when their fields are; texts that the server
 * writes (`definition`, expressions) are written alike by servers of one major.
 */
export interface Catalogue {
  /** One. */
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
  readonly grants: readonly Grant[];
  readonly comments: readonly Comment[];
  /** Kinds that are not described, and how many there are of them. */
  readonly others: readonly Others[];
}

/** In the order in which they are read and written. */
export const KINDS: { readonly [K in keyof Catalogue]: Kind<Catalogue[K][number]> } = {
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
  grants,
  comments,
  others,
};
