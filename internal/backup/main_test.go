package backup_test

import (
	"testing"

	"pombal/internal/leaktest"
)

func TestMain(m *testing.M) { leaktest.Main(m) }
