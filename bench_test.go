package main

import (
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Benchmarks of the whole product in a process of its own. The bars they are
// held against: first answer within 300 ms of the start, 30 MiB without
// instances, 40 MiB with 200 unconnected ones, 2 ms of processor time and 60 KB
// for a list of 200, 300 ms from the click to the first QR signal, a binary
// under 40 MB.

// buildProduct builds the binary as it is shipped.
func buildProduct(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), "pombal")
	cmd := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", path, ".")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		b.Fatalf("build: %v\n%s", err, out)
	}
	return path
}

// launch starts a built binary and waits for its first answer.
func launch(b *testing.B, binary string, args, environ []string) (cmd *exec.Cmd, home string, took time.Duration) {
	b.Helper()
	addr := freeAddr(b)
	cmd = exec.Command(binary, append(args, "--addr", addr)...)
	cmd.Env = append(os.Environ(), environ...)
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	home = "http://" + addr
	for time.Since(began) < limit {
		resp, err := http.Get(home + "/login")
		if err == nil {
			_ = resp.Body.Close()
			return cmd, home, time.Since(began)
		}
		time.Sleep(time.Millisecond)
	}
	b.Fatal("the product did not answer")
	return nil, "", 0
}

func BenchmarkStart(b *testing.B) {
	binary := buildProduct(b)
	info, err := os.Stat(binary)
	if err != nil {
		b.Fatal(err)
	}
	var total time.Duration
	for b.Loop() {
		cmd, _, took := launch(b, binary, []string{"--data", filepath.Join(b.TempDir(), "p.db")}, ownerEnv())
		total += took
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	}
	b.ReportMetric(float64(total.Milliseconds())/float64(b.N), "ms/first-200")
	b.ReportMetric(float64(info.Size())/1e6, "MB/binary")
}

func BenchmarkIdleMemory(b *testing.B) {
	binary := buildProduct(b)
	for _, n := range []int{0, 200} {
		b.Run(fmt.Sprintf("instances=%d", n), func(b *testing.B) {
			for b.Loop() {
				cmd, home, _ := launch(b, binary, []string{"--data", filepath.Join(b.TempDir(), "p.db")}, ownerEnv())
				if n > 0 {
					fillList(b, home, n)
				}
				time.Sleep(2 * time.Second) // idle is a state that takes time
				rss, anon := memory(b, cmd.Process.Pid)
				b.ReportMetric(rss, "MiB/rss")
				b.ReportMetric(anon, "MiB/anon")
			}
		})
	}
}

// fillList makes n instances without connecting them.
func fillList(b *testing.B, home string, n int) *operator {
	b.Helper()
	o := newOperator(b, home)
	o.logIn()
	for i := range n {
		p := o.submit(o.get("/instances/new"), "/instances/new", url.Values{"name": {fmt.Sprintf("Loja %03d", i)}})
		id := strings.TrimPrefix(p.URL.Path, "/instances/")
		if p.Find("form[action='/instances/"+id+"/cancel']").Length() > 0 {
			o.submit(p, "/instances/"+id+"/cancel", nil)
		}
	}
	return o
}

func BenchmarkListOf200(b *testing.B) {
	binary := buildProduct(b)
	network := startNetwork(b)
	dir := b.TempDir()
	args := settings(b, dir, network)[2:]
	cmd, home, _ := launch(b, binary, args, ownerEnv())
	o := fillList(b, home, 200)
	before := processorTime(b, cmd.Process.Pid)
	n, size := 0, 0
	for b.Loop() {
		html, _ := o.get("/instances").Html()
		size = len(html)
		n++
	}
	used := processorTime(b, cmd.Process.Pid) - before
	b.ReportMetric(used.Seconds()*1000/float64(n), "cpu-ms/page")
	b.ReportMetric(float64(size)/1000, "KB/page-unpacked")
}

func BenchmarkFirstCode(b *testing.B) {
	network := startNetwork(b)
	g := startGateway(b, settings(b, b.TempDir(), network), ownerEnv())
	o := newOperator(b, g.Home)
	o.logIn()
	var total time.Duration
	n := 0
	for b.Loop() {
		time.Sleep(600 * time.Millisecond) // connections are paced; a person clicks no faster
		began := time.Now()
		id := o.create(fmt.Sprintf("n%d", n)) // creating connects
		at := "/instances/" + id
		for o.get(at+"/pair").Find("img").Length() == 0 {
			if time.Since(began) > limit {
				b.Fatal("no code")
			}
		}
		total += time.Since(began)
		n++
		o.submit(o.get(at), at+"/cancel", nil)
	}
	b.ReportMetric(float64(total.Microseconds())/1000/float64(n), "ms/click-to-code")
}

func freeAddr(b *testing.B) string {
	b.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// memory reads resident and anonymous memory of a process in MiB.
func memory(b testing.TB, pid int) (rss, anon float64) {
	b.Helper()
	status := processStatus(b, pid)
	return status["VmRSS:"], status["RssAnon:"]
}

// peakMemory reads the most resident memory that a process has had so far, in MiB.
func peakMemory(b testing.TB, pid int) float64 {
	b.Helper()
	return processStatus(b, pid)["VmHWM:"]
}

// processStatus reads the sizes in a process's status (proc_pid_status(5)), in MiB.
func processStatus(b testing.TB, pid int) map[string]float64 {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		b.Skip("no /proc here")
	}
	sizes := make(map[string]float64)
	for line := range strings.Lines(string(raw)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[2] == "kB" {
			kib, _ := strconv.ParseFloat(fields[1], 64)
			sizes[fields[0]] = kib / 1024
		}
	}
	return sizes
}

// processorTime reads user and system time of a process.
func processorTime(b *testing.B, pid int) time.Duration {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		b.Skip("no /proc here")
	}
	_, after, _ := strings.Cut(string(raw), ") ")
	fields := strings.Fields(after)
	user, _ := strconv.ParseFloat(fields[11], 64)
	system, _ := strconv.ParseFloat(fields[12], 64)
	const ticks = 100 // a second; Linux shows 100 whatever the kernel uses
	return time.Duration((user + system) / ticks * float64(time.Second))
}
