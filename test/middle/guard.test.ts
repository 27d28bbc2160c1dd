import '../engine/guard/guard.test';
import '../engine/guard/harmless.test';
import '../engine/guard/interrupted.test';
import '../engine/guard/outside.test';
