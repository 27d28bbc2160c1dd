export { compileFilterPattern } from '../../lib/local/filter-pattern';
