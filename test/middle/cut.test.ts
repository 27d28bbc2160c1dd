import '../engine/apply/crashed-build.test';
import '../engine/apply/cut.test';
import '../engine/apply/leftovers.test';
