import '../defects/audit.test';
