// Command kube is two servers of Kubernetes in one binary, for tests:
//
//	kube apiserver --etcd-data=DIR [flags of kube-apiserver]   with an etcd of its own in the same process
//	kube controller-manager [flags of kube-controller-manager]
package main

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"go.etcd.io/etcd/server/v3/embed"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
)

const etcdDataFlag = "--etcd-data="

func main() {
	if len(os.Args) < 2 {
		fail(errors.New("say which server: kube apiserver|controller-manager [flags]"))
	}
	name, args := os.Args[1], os.Args[2:]
	os.Args = append([]string{name}, args...)
	switch name {
	case "apiserver":
		os.Exit(runAPIServer(args))
	case "controller-manager":
		command := controllers.NewControllerManagerCommand()
		command.SetArgs(args)
		os.Exit(cli.Run(command))
	default:
		fail(fmt.Errorf("%q is no server of this binary: apiserver, controller-manager", name))
	}
}

// runAPIServer starts etcd first and gives its address to the API server.
func runAPIServer(args []string) int {
	var data string
	kept := args[:0:0]
	for _, arg := range args {
		if value, found := strings.CutPrefix(arg, etcdDataFlag); found {
			data = value
			continue
		}
		kept = append(kept, arg)
	}
	if data == "" {
		fail(errors.New("kube apiserver needs " + etcdDataFlag + "DIR, the folder that etcd keeps its data in"))
	}
	address, err := startEtcd(data)
	if err != nil {
		fail(err)
	}
	command := apiserver.NewAPIServerCommand()
	command.SetArgs(append(kept, "--etcd-servers="+address))
	return cli.Run(command)
}

// startEtcd runs a single member behind unix sockets, so that no port is taken. It returns its client address.
func startEtcd(data string) (string, error) {
	if err := os.MkdirAll(data, 0o700); err != nil {
		return "", err
	}
	// etcd wants host:port even in a unix URL; the socket is a file of that name in the working folder.
	if err := os.Chdir(data); err != nil {
		return "", err
	}
	client := url.URL{Scheme: "unix", Host: "127.0.0.1:2"}
	peer := url.URL{Scheme: "unix", Host: "127.0.0.1:1"}
	config := embed.NewConfig()
	config.Dir = "member.etcd"
	config.UnsafeNoFsync = true // the data lives as long as the test
	config.LogLevel = "error"
	config.ListenClientUrls, config.AdvertiseClientUrls = []url.URL{client}, []url.URL{client}
	config.ListenPeerUrls, config.AdvertisePeerUrls = []url.URL{peer}, []url.URL{peer}
	config.InitialCluster = config.Name + "=" + peer.String()
	etcd, err := embed.StartEtcd(config)
	if err != nil {
		return "", fmt.Errorf("etcd in %s: %w", data, err)
	}
	select {
	case <-etcd.Server.ReadyNotify():
		return client.String(), nil
	case err := <-etcd.Err():
		return "", fmt.Errorf("etcd in %s: %w", data, err)
	case <-time.After(30 * time.Second):
		return "", fmt.Errorf("etcd in %s was not ready after 30 s", data)
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "kube:", err)
	os.Exit(2)
}
