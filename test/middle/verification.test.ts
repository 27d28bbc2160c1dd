import '../engine/sql/verification.test';
