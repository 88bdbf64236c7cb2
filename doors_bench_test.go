package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"
)

// Benchmarks of the doors. The bars: a list of 200 instances costs 500 µs of
// processor time and answers within 1 ms in the middle, logout of a connected
// instance takes less than 50 ms at the 99th percentile, 50 creates a second
// with every one on disk.

func benchBusiness(b *testing.B, admin compat) string {
	b.Helper()
	var tenants []struct {
		BusinessID string `json:"businessId"`
	}
	admin.call(http.MethodGet, "/admin/business", nil, &tenants)
	return tenants[0].BusinessID
}

func BenchmarkDoorList(b *testing.B) {
	binary := buildProduct(b)
	cmd, home, _ := launch(b, binary, []string{"--data", filepath.Join(b.TempDir(), "p.db")},
		append(ownerEnv(), "POMBAL_API_KEY="+globalKey))
	admin := compat{t: b, base: home, token: globalKey}
	business := benchBusiness(b, admin)
	for i := range 200 {
		admin.call(http.MethodPost, "/business/"+business+"/instance", map[string]any{"instanceName": fmt.Sprintf("n%03d", i)}, nil)
	}
	for name, ask := range map[string]func() (*http.Request, error){
		"v13-all": func() (*http.Request, error) {
			return http.NewRequest(http.MethodGet, home+"/api/v1/instance/fetchInstances", nil)
		},
		"v2-page": func() (*http.Request, error) {
			return http.NewRequest(http.MethodPost, home+"/api/v2/business/"+business+"/instance/search", nil)
		},
	} {
		b.Run(name, func(b *testing.B) {
			var took []time.Duration
			before := processorTime(b, cmd.Process.Pid)
			for b.Loop() {
				req, err := ask()
				if err != nil {
					b.Fatal(err)
				}
				req.Header.Set("apikey", globalKey)
				began := time.Now()
				resp, err := http.DefaultClient.Do(req)
				if err != nil || resp.StatusCode != http.StatusOK {
					b.Fatal(resp, err)
				}
				drain(resp)
				took = append(took, time.Since(began))
			}
			used := processorTime(b, cmd.Process.Pid) - before
			b.ReportMetric(float64(used.Microseconds())/float64(len(took)), "cpu-µs/list")
			b.ReportMetric(float64(percentile(took, 50).Microseconds()), "µs/p50")
		})
	}
}

func BenchmarkDoorLogout(b *testing.B) {
	admin, _, network, _ := startDoors(b)
	business := benchBusiness(b, admin)
	var took []time.Duration
	n := 0
	for b.Loop() {
		b.StopTimer()
		var in compatInstance
		admin.call(http.MethodPost, "/business/"+business+"/instance", map[string]any{}, &in)
		admin.link(in.InstanceID, network.NewPhone(fmt.Sprintf("55119876%05d", n), "Shop"))
		n++
		b.StartTimer()
		began := time.Now()
		admin.call(http.MethodDelete, "/instance/"+in.InstanceID+"/logout", nil, nil)
		took = append(took, time.Since(began))
	}
	b.ReportMetric(float64(percentile(took, 99).Microseconds())/1000, "ms/p99")
}

func BenchmarkDoorCreate(b *testing.B) {
	admin, _, _, _ := startDoors(b)
	business := benchBusiness(b, admin)
	for b.Loop() {
		admin.call(http.MethodPost, "/business/"+business+"/instance", map[string]any{}, nil)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "creates/s")
}

// Twenty creates of twenty names at once all succeed, of one name exactly one.
func TestCreatesAtOnce(t *testing.T) {
	admin, _, _, _ := startDoors(t)
	var tenants []struct {
		BusinessID string `json:"businessId"`
	}
	admin.call(http.MethodGet, "/admin/business", nil, &tenants)
	for _, tc := range []struct {
		name string
		want int
	}{{"n%d", 20}, {"same", 1}} {
		var all sync.WaitGroup
		var mu sync.Mutex
		made := 0
		for i := range 20 {
			all.Go(func() {
				name := tc.name
				if tc.want > 1 {
					name = fmt.Sprintf(tc.name, i)
				}
				status, _ := admin.try(http.MethodPost, "/business/"+tenants[0].BusinessID+"/instance", map[string]any{"instanceName": name}, nil)
				mu.Lock()
				defer mu.Unlock()
				if status == http.StatusCreated {
					made++
				} else if status != http.StatusConflict {
					t.Errorf("%s: %d", name, status)
				}
			})
		}
		all.Wait()
		if made != tc.want {
			t.Errorf("%s: %d were made, want %d", tc.name, made, tc.want)
		}
	}
}

func drain(resp *http.Response) {
	buf := make([]byte, 64<<10)
	for {
		if _, err := resp.Body.Read(buf); err != nil {
			break
		}
	}
	_ = resp.Body.Close()
}

func percentile(took []time.Duration, p int) time.Duration {
	if len(took) == 0 {
		return 0
	}
	sorted := slices.Clone(took)
	slices.Sort(sorted)
	return sorted[min(len(sorted)*p/100, len(sorted)-1)]
}
