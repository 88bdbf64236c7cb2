package wastore_test

import _ "modernc.org/sqlite" // the engine's own store on SQLite is the oracle's reference
