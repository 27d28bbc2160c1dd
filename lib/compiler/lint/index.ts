/** All lint rules, in the order in which docs/rules-*.md list them. */
import { attachPartition } from './attach-partition';
import { cascade } from './cascade';
import { cluster } from './cluster';
import { columnType } from './column-type';
import { constraintIndex } from './constraint-index';
import { constraintScan } from './constraint-scan';
import { createIndex } from './create-index';
import { dataChangeUnderLock } from './data-change-under-lock';
import { deleteRows } from './delete-rows';
import { domainColumn } from './domain-column';
import { domainConstraint } from './domain-constraint';
import { dropColumn } from './drop-column';
import { dropOwned } from './drop-owned';
import { dropRelation } from './drop-relation';
import { dropSchemaOrExtension } from './drop-schema-or-extension';
import { opaqueCode } from './opaque-code';
import { opaqueTrigger } from './opaque-trigger';
import { primaryKeyScan } from './primary-key-scan';
import { refreshNoData } from './refresh-no-data';
import { refreshView } from './refresh-view';
import { reindex } from './reindex';
import { rewriteTable } from './rewrite-table';
import type { Rule } from './rule';
import { serialColumn } from './serial-column';
import { setNotNull } from './set-not-null';
import { storedColumn } from './stored-column';
import { truncate } from './truncate';
import { usingExpression } from './using-expression';
import { vacuumFull } from './vacuum-full';
import { validateSeparately } from './validate-separately';
import { volatileDefault } from './volatile-default';

export const RULES: readonly Rule[] = [
  dropColumn,
  dropRelation,
  dropSchemaOrExtension,
  dropOwned,
  cascade,
  truncate,
  deleteRows,
  usingExpression,
  opaqueCode,
  opaqueTrigger,
  refreshNoData,
  columnType,
  setNotNull,
  validateSeparately,
  rewriteTable,
  attachPartition,
  domainConstraint,
  volatileDefault,
  serialColumn,
  storedColumn,
  domainColumn,
  constraintIndex,
  constraintScan,
  primaryKeyScan,
  createIndex,
  reindex,
  cluster,
  vacuumFull,
  refreshView,
  dataChangeUnderLock,
];
