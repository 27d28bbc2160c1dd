/** What the fleet's scenarios deploy: migrations, and statements that its application sends. */
import type { File } from './migrations';

const ORDERS: File = {
  up: 'CREATE TABLE orders (id uuid PRIMARY KEY, note text);',
  holds: `to_regclass('orders') IS NOT NULL`,
};
const SHORT: File = {
  up: 'ALTER TABLE orders ADD CONSTRAINT short CHECK (length(note) < 1000) NOT VALID;',
  holds: `EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'orders'::regclass AND conname = 'short')`,
  down: 'ALTER TABLE orders DROP CONSTRAINT short;',
};
export const SIZE: File = {
  up: 'ALTER TABLE orders ADD COLUMN size int;',
  holds: `EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('orders') AND attname = 'size')`,
  down: 'ALTER TABLE orders DROP COLUMN size;',
};
const NOTE: File = {
  up: `ALTER TABLE orders ALTER COLUMN note SET DEFAULT '';`,
  holds: `EXISTS (SELECT FROM pg_attrdef WHERE adrelid = 'orders'::regclass)`,
  down: 'ALTER TABLE orders ALTER COLUMN note DROP DEFAULT;',
};
export const REMARK: File = {
  up: 'ALTER TABLE orders RENAME COLUMN note TO remark;',
  holds: `EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass('orders') AND attname = 'remark')`,
  down: 'ALTER TABLE orders RENAME COLUMN remark TO note;',
};
export const FIRST = { '0001_orders': ORDERS };
export const SECOND = { ...FIRST, '0002_note': NOTE };
export const THIRD = { ...SECOND, '0003_short': SHORT };

export const READ = 'SELECT id, note FROM orders WHERE id = $1';
export const WRITE = 'INSERT INTO orders (id, note) VALUES ($1, $2) ON CONFLICT (id) DO NOTHING';
