package main

import (
	"testing"
	"time"
)

// BenchmarkThousand: 1000 linked instances in the shipped binary. The bars: all
// connected within 5 minutes at the pace that is kept with WhatsApp, within 10 s
// without it; 200 MiB resident; 6 goroutines each; gone 20 s after SIGTERM.
func BenchmarkThousand(b *testing.B) {
	const n = 1000
	binary, c := buildProduct(b), gather(b, n)
	for b.Loop() {
		idle, _, _ := c.empty(binary)
		for _, pace := range []struct {
			name string
			args []string
			bar  time.Duration
		}{
			{"lifted", []string{"--whatsapp-rate", "1000"}, 10 * time.Second},
			{"courteous", nil, 5 * time.Minute},
		} {
			began := time.Now()
			g := c.start(binary, pace.args...)
			c.connected(2 * pace.bar)
			took := time.Since(began)
			c.settled(time.Minute)
			rss, anon := memory(b, g.pid)
			peak := peakMemory(b, g.pid)
			b.Logf("%s pace: all connected in %s (bar %s); %.0f MiB resident, %.0f of it anonymous (bar 200), %.0f at most; %.0f KiB for each",
				pace.name, took.Round(time.Millisecond), pace.bar, rss, anon, peak, (rss-idle)*1024/n)
			b.ReportMetric(took.Seconds(), "s/"+pace.name)
			b.ReportMetric(rss, "MiB/"+pace.name)
			b.ReportMetric(peak, "peak-MiB/"+pace.name)
			b.ReportMetric((rss-idle)*(1<<20)/n, "bytes/instance")
			ended := c.gone(g)
			b.Logf("gone %s after the signal (bar 20 s)", ended.Round(time.Millisecond))
			b.ReportMetric(ended.Seconds(), "s/stop-"+pace.name)
		}
		g := c.start(binary, "--whatsapp-rate", "1000")
		c.connected(time.Minute)
		c.settled(time.Minute)
		_, _, none := c.empty(binary)
		b.ReportMetric(float64(c.goroutines(g)-none)/n, "goroutines/instance")
	}
}
