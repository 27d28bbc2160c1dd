/**
 * The server's own messages that name objects and never values, as in its source. The Data API does not report where an
 * error comes from. Over it, only these messages are known not to have been raised by user code.
 */

/**
 * Placeholders: `"%"` is a quoted name; `%` is a type, a signature, operators or a description of an object; `@` is a
 * command; `#` is a number.
 */
export const SERVER_MESSAGES: readonly string[] = `
"%" is a composite type
"%" is a partitioned table
"%" is a view
"%" is already a partition
"%" is an index
"%" is not a materialized view
"%" is not a partitioned table
"%" is not a sequence
"%" is not a view
% at end of input
% at or near "%"
@ cannot be executed from a function
@ cannot run inside a transaction block
@ types % and % cannot be matched
access method "%" does not exist
aggregate function calls cannot be nested
aggregate functions are not allowed in @
argument of @ must be type %, not type %
canceling statement due to lock timeout
canceling statement due to statement timeout
canceling statement due to user request
cannot @ "%" because it has pending trigger events
cannot @ "%" because it is being used by active queries in this session
cannot add column to a partition
cannot alter column "%" because it is part of the partition key of relation "%"
cannot alter inherited column "%"
cannot alter type "%" because column "%.%" uses it
cannot alter type of a column used by a function or procedure
cannot alter type of a column used by a generated column
cannot alter type of a column used by a view or rule
cannot alter type of a column used in a policy definition
cannot alter type of a column used in a trigger definition
cannot alter type of column "%" twice
cannot attach a temporary relation as partition of permanent relation "%"
cannot cast type % to %
cannot change data type of view column "%" from % to %
cannot change name of input parameter "%"
cannot change name of view column "%" to "%"
cannot change return type of existing function
cannot change routine kind
cannot create index on partitioned table "%" concurrently
cannot create index on relation "%"
cannot delete from view "%"
cannot drop % because % requires it
cannot drop % because it is required by the database system
cannot drop % because other objects depend on it
cannot drop column "%" because it is part of the partition key of relation "%"
cannot drop columns from view
cannot drop inherited column "%"
cannot drop inherited constraint "%" of relation "%"
cannot execute @ in a read-only transaction
cannot insert a non-DEFAULT value into column "%"
cannot insert into column "%" of view "%"
cannot insert into view "%"
cannot insert multiple commands into a prepared statement
cannot lock rows in view "%"
cannot refresh materialized view "%" concurrently
cannot reindex system catalogs concurrently
cannot remove parameter defaults from existing function
cannot rename inherited column "%"
cannot truncate a table referenced in a foreign key constraint
cannot update column "%" of view "%"
cannot update view "%"
cannot use column reference in DEFAULT expression
cannot use subquery in check constraint
cannot use subquery in column generation expression
cannot use subquery in DEFAULT expression
cannot use subquery in index expression
cannot use subquery in index predicate
check constraint "%" already exists
collation "%" for encoding "%" does not exist
column "%" appears twice in primary key constraint
column "%" appears twice in unique constraint
column "%" can only be updated to DEFAULT
column "%" cannot be cast automatically to type %
column "%" does not exist
column "%" has pseudo-type %
column "%" in child table must be marked NOT NULL
column "%" inherits conflicting default values
column "%" is in a primary key
column "%" is of type % but default expression is of type %
column "%" is of type % but expression is of type %
column "%" named in key does not exist
column "%" of relation "%" already exists
column "%" of relation "%" does not exist
column "%" of relation "%" is a generated column
column "%" of relation "%" is already an identity column
column "%" of relation "%" is an identity column
column "%" of relation "%" is not an identity column
column "%" referenced in foreign key constraint does not exist
column "%" specified more than once
column "%.%" must appear in the GROUP BY clause or be used in an aggregate function
column %.% does not exist
column name "%" conflicts with a system column name
column name "%" is not unique
column reference "%" is ambiguous
conflicting NULL/NOT NULL declarations for column "%" of table "%"
constraint "%" for domain "%" already exists
constraint "%" for domain % does not exist
constraint "%" for relation "%" already exists
constraint "%" for table "%" does not exist
constraint "%" of domain "%" does not exist
constraint "%" of relation "%" does not exist
constraint "%" of relation "%" is not a foreign key or check constraint
constraint declared INITIALLY DEFERRED must be DEFERRABLE
constraints on permanent tables may reference only permanent tables
constraints on temporary tables may reference only temporary tables
could not create exclusion constraint "%"
could not create unique index "%"
could not determine data type of parameter $#
could not determine polymorphic type because input has type %
could not obtain lock on relation "%"
could not serialize access due to concurrent delete
could not serialize access due to concurrent update
could not serialize access due to read/write dependencies among transactions
current transaction is aborted, commands ignored until end of transaction block
data type % has no default operator class for access method "%"
database "%" already exists
database "%" does not exist
deadlock detected
default for column "%" cannot be cast automatically to type %
event trigger "%" already exists
extension "%" already exists
extension "%" does not exist
extension "%" is not available
extension "%" must be installed in schema "%"
foreign key constraint "%" cannot be implemented
function "%" already exists with same argument types
function % does not exist
function % is not unique
functions in index expression must be marked IMMUTABLE
functions in index predicate must be marked IMMUTABLE
functions in partition key expression must be marked IMMUTABLE
generation expression is not immutable
index "%" already contains data
index "%" does not exist
index "%" for table "%" does not exist
INSERT has more expressions than target columns
INSERT has more target columns than expressions
invalid reference to FROM-clause entry for table "%"
language "%" does not exist
materialized view "%" does not exist
missing FROM-clause entry for table "%"
multiple default values specified for column "%" of table "%"
multiple primary keys for table "%" are not allowed
must be able to SET ROLE "%"
must be member of role "%"
must be owner of database %
must be owner of extension %
must be owner of function %
must be owner of index %
must be owner of materialized view %
must be owner of relation %
must be owner of schema %
must be owner of sequence %
must be owner of table %
must be owner of type %
must be owner of view %
new row violates row-level security policy "%" for table "%"
new row violates row-level security policy for table "%"
no schema has been selected to create in
number of referencing and referenced columns for foreign key disagree
ON CONFLICT DO UPDATE command cannot affect row a second time
ON CONFLICT DO UPDATE not supported with exclusion constraints
ON CONFLICT DO UPDATE requires inference specification or constraint name
ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters
operator class "%" does not accept data type %
operator class "%" does not exist for access method "%"
operator does not exist: %
operator is not unique: %
out of memory
out of shared memory
partition "%" would overlap partition "%"
permission denied for database %
permission denied for extension %
permission denied for function %
permission denied for language %
permission denied for schema %
permission denied for sequence %
permission denied for table %
permission denied for tablespace %
permission denied for type %
permission denied for view %
permission denied to create database
permission denied to create extension "%"
permission denied to create role
permission denied to set role "%"
policy "%" for table "%" already exists
policy "%" for table "%" does not exist
procedure % does not exist
publication "%" already exists
publication "%" does not exist
query would be affected by row-level security policy for table "%"
relation "%" already exists
relation "%" does not exist
relation "%" is not a partition of relation "%"
role "%" already exists
role "%" cannot be dropped because some objects depend on it
role "%" does not exist
rule "%" for relation "%" already exists
rule "%" for relation "%" does not exist
schema "%" already exists
schema "%" does not exist
sequence "%" does not exist
set-returning functions are not allowed in @
stack depth limit exceeded
subquery must return only one column
subscription "%" already exists
subscription "%" does not exist
table "%" does not exist
table "%" has # columns available but # columns specified
table name "%" specified more than once
tables can have at most # columns
text search configuration "%" does not exist
there is no unique constraint matching given keys for referenced table "%"
there is no unique or exclusion constraint matching the ON CONFLICT specification
too many connections for role "%"
trigger "%" for relation "%" already exists
trigger "%" for table "%" does not exist
type "%" already exists
type "%" does not exist
type "%" is only a shell
type % does not exist
unique constraint on partitioned table must include all partitioning columns
unrecognized configuration parameter "%"
unsupported % constraint with partition key definition
view "%" does not exist
window functions are not allowed in @
`
  .trim()
  .split('\n');
