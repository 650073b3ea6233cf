// The same calls through hashicorp/go-plugin over gRPC: started as "plugin" by itself, else the host that measures.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io/ioutil"
	"os"
	"os/exec"
	"sort"
	"strings"
	"sync"
	"time"

	hclog "github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
	"google.golang.org/grpc"
)

const most = 8 << 20

type echo struct{}

func (echo) Call(_ context.Context, in *Bytes) (*Bytes, error) { return in, nil }

type echoPlugin struct{ plugin.NetRPCUnsupportedPlugin }

func (*echoPlugin) GRPCServer(_ *plugin.GRPCBroker, server *grpc.Server) error {
	RegisterEchoServer(server, echo{})
	return nil
}

func (*echoPlugin) GRPCClient(_ context.Context, _ *plugin.GRPCBroker, connection *grpc.ClientConn) (interface{}, error) {
	return NewEchoClient(connection), nil
}

var handshake = plugin.HandshakeConfig{ProtocolVersion: 1, MagicCookieKey: "BENCH", MagicCookieValue: "echo"}
var quiet = hclog.New(&hclog.LoggerOptions{Output: ioutil.Discard})
var plugins = map[string]plugin.Plugin{"echo": &echoPlugin{}}

func fail(what string, err error) {
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s: %v\n", what, err)
		os.Exit(1)
	}
}

func open() (*plugin.Client, EchoClient) {
	client := plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: handshake, Plugins: plugins, Cmd: exec.Command(os.Args[0], "plugin"),
		AllowedProtocols: []plugin.Protocol{plugin.ProtocolGRPC},
		Logger:           quiet,
	})
	protocol, err := client.Client()
	fail("client", err)
	raw, err := protocol.Dispense("echo")
	fail("dispense", err)
	return client, raw.(EchoClient)
}

func call(client EchoClient, payload []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	out, err := client.Call(ctx, &Bytes{Data: payload}, grpc.MaxCallRecvMsgSize(most), grpc.MaxCallSendMsgSize(most))
	cancel()
	fail("call", err)
	if len(out.Data) != len(payload) {
		fail("call", fmt.Errorf("%d bytes came back of %d", len(out.Data), len(payload)))
	}
}

func shape(times []float64, more map[string]interface{}) {
	sort.Float64s(times)
	at := func(share float64) float64 { return times[int(share*float64(len(times)-1))] }
	more["n"], more["p50_us"], more["p99_us"], more["p999_us"] = len(times), at(0.5), at(0.99), at(0.999)
	line, _ := json.Marshal(more)
	fmt.Println(string(line))
}

func micros(duration time.Duration) float64 { return float64(duration.Nanoseconds()) / 1000 }

func resident(process int) int {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", process))
	fail("statm", err)
	var size, pages int
	fmt.Sscan(strings.TrimSpace(string(data)), &size, &pages)
	return pages * 4096
}

func main() {
	if len(os.Args) > 1 && os.Args[1] == "plugin" {
		plugin.Serve(&plugin.ServeConfig{HandshakeConfig: handshake, Plugins: plugins, GRPCServer: func(options []grpc.ServerOption) *grpc.Server {
			return grpc.NewServer(append(options, grpc.MaxRecvMsgSize(most), grpc.MaxSendMsgSize(most))...)
		}, Logger: quiet})
		return
	}
	each, starts := 2*time.Second, 100
	if len(os.Args) > 1 && os.Args[1] == "quick" {
		each, starts = 300*time.Millisecond, 20
	}
	process, client := open()
	for _, bytes := range []int{64, 1024, 65536, 1048576} {
		for _, callers := range []int{1, 8} {
			payload := make([]byte, bytes)
			all := make([][]float64, callers)
			var group sync.WaitGroup
			began := time.Now()
			for i := 0; i < callers; i++ {
				group.Add(1)
				go func(i int) {
					defer group.Done()
					for n := 0; n < 20; n++ {
						call(client, payload)
					}
					end := time.Now().Add(each)
					for now := time.Now(); now.Before(end); {
						call(client, payload)
						after := time.Now()
						all[i] = append(all[i], micros(after.Sub(now)))
						now = after
					}
				}(i)
			}
			group.Wait()
			seconds := time.Since(began).Seconds()
			var times []float64
			for _, part := range all {
				times = append(times, part...)
			}
			shape(times, map[string]interface{}{"what": "call", "home": "go-plugin", "bytes": bytes, "callers": callers, "per_second": float64(len(times)) / seconds})
		}
	}
	process.Kill()
	var times []float64
	memory := 0
	for i := 0; i < starts; i++ {
		began := time.Now()
		process, client := open()
		call(client, []byte("{}"))
		times = append(times, micros(time.Since(began)))
		if now := resident(process.ReattachConfig().Pid); now > memory {
			memory = now
		}
		process.Kill()
	}
	shape(times, map[string]interface{}{"what": "start", "home": "go-plugin", "memory_bytes": memory})
}
