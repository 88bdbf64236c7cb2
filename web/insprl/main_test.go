package insprl_test

import (
	"testing"

	"pombal/web/webtest"
)

func TestMain(m *testing.M) { webtest.Main(m) }
