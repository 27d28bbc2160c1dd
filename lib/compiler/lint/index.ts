/** All lint rules, in the order in which docs/rules-*.md list them. */
import { attachPartition } from './attach-partition';
import { cascade } from './cascade';
import { cluster } from './cluster';
import { columnType } from './column-type';
import { constraintIndex } from './constraint-index';
import { constraintScan } from './constraint-scan';
import { createIndex } from './create-index';
import { deleteRows } from './delete-rows';
import { domainColumn } from './domain-column';
import { domainConstraint } from './domain-constraint';
import { dropColumn } from './drop-column';
import { dropContainer } from './drop-container';
import { dropOwned } from './drop-owned';
import { dropRelation } from './drop-relation';
import { numberedColumn } from './numbered-column';
import { primaryKeyScan } from './primary-key-scan';
import { refreshNoData } from './refresh-no-data';
import { refreshView } from './refresh-view';
import { reindex } from './reindex';
import { rewriteTable } from './rewrite-table';
import { rowsBehindLock } from './rows-behind-lock';
import type { Rule } from './rule';
import { setNotNull } from './set-not-null';
import { storedColumn } from './stored-column';
import { truncate } from './truncate';
import { unseenCode } from './unseen-code';
import { unseenTrigger } from './unseen-trigger';
import { usingValues } from './using-values';
import { vacuumFull } from './vacuum-full';
import { validateAlone } from './validate-alone';
import { volatileDefault } from './volatile-default';

export const RULES: readonly Rule[] = [
  dropColumn,
  dropRelation,
  dropContainer,
  dropOwned,
  cascade,
  truncate,
  deleteRows,
  usingValues,
  unseenCode,
  unseenTrigger,
  refreshNoData,
  columnType,
  setNotNull,
  validateAlone,
  rewriteTable,
  attachPartition,
  domainConstraint,
  volatileDefault,
  numberedColumn,
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
  rowsBehindLock,
];
