export { compileFilterPattern } from './aws/filter-pattern';
