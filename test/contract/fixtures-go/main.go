// Command fixtures-go writes what Linkerd's own bindings make of the proxy API: for every message
// some cases, each with its bytes and its JSON, and an outline of what the API declares. Our codecs
// are tested against these files, so that they are never judged by our own reading alone.
//
//	go run . ../fixtures
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"

	_ "github.com/linkerd/linkerd2-proxy-api/go/destination"
	_ "github.com/linkerd/linkerd2-proxy-api/go/identity"
	_ "github.com/linkerd/linkerd2-proxy-api/go/inbound"
	_ "github.com/linkerd/linkerd2-proxy-api/go/outbound"
	_ "github.com/linkerd/linkerd2-proxy-api/go/tap"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/reflect/protoregistry"
)

const apiModule = "github.com/linkerd/linkerd2-proxy-api"

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: go run . FOLDER")
	}
	folder := os.Args[1]
	files := apiFiles()
	writeLines(filepath.Join(folder, "outline.json"), outline(files))
	for _, file := range files {
		var lines []any
		for _, message := range messagesOf(file.Messages()) {
			for _, one := range casesOf(message) {
				lines = append(lines, one)
			}
		}
		name := strings.TrimPrefix(string(file.Package()), "io.linkerd.proxy.")
		writeLines(filepath.Join(folder, name+".json"), lines)
	}
}

// apiFiles is every file of the API, by package.
func apiFiles() []protoreflect.FileDescriptor {
	var files []protoreflect.FileDescriptor
	protoregistry.GlobalFiles.RangeFiles(func(file protoreflect.FileDescriptor) bool {
		if strings.HasPrefix(string(file.Package()), "io.linkerd.") {
			files = append(files, file)
		}
		return true
	})
	slices.SortFunc(files, func(a, b protoreflect.FileDescriptor) int {
		return strings.Compare(string(a.Package()), string(b.Package()))
	})
	return files
}

// messagesOf is every message, each before those that are declared in it; no entries of maps.
func messagesOf(declared protoreflect.MessageDescriptors) []protoreflect.MessageDescriptor {
	var messages []protoreflect.MessageDescriptor
	for i := range declared.Len() {
		if message := declared.Get(i); !message.IsMapEntry() {
			messages = append(messages, message)
			messages = append(messages, messagesOf(message.Messages())...)
		}
	}
	return messages
}

// writeLines writes a JSON array with one value a line, so that a change shows what it changes.
func writeLines(path string, values []any) {
	var text bytes.Buffer
	for i, value := range values {
		line, err := json.Marshal(value)
		if err != nil {
			log.Fatal(err)
		}
		separator := ",\n"
		if i == 0 {
			separator = "[\n"
		}
		fmt.Fprintf(&text, "%s%s", separator, line)
	}
	text.WriteString("\n]\n")
	if err := os.WriteFile(path, text.Bytes(), 0o644); err != nil {
		log.Fatal(err)
	}
}

// apiVersion is the version of Linkerd's bindings in this program.
func apiVersion() string {
	info, _ := debug.ReadBuildInfo()
	for _, module := range info.Deps {
		if module.Path == apiModule {
			return module.Version
		}
	}
	return ""
}
