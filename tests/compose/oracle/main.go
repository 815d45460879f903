// Oracle answers what compose-go, the library inside `docker compose`, makes of Compose files and of single texts.
// It reads one JSON request a line and writes one JSON answer a line, so that one process serves thousands of them.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/dotenv"
	"github.com/compose-spec/compose-go/v2/format"
	"github.com/compose-spec/compose-go/v2/schema"
	"github.com/compose-spec/compose-go/v2/template"
	"github.com/compose-spec/compose-go/v2/types"
	"github.com/docker/cli/pkg/kvfile"
	"github.com/sirupsen/logrus"
	"go.yaml.in/yaml/v4"
)

// request asks for one thing: a project by default, else what the one of Dotenv, Template, YAML, Parse and Schema that
// is set names.
type request struct {
	// A project, as `docker compose` loads it when it is run in WorkingDir.
	WorkingDir       string   `json:"working_dir"`
	ProjectDirectory string   `json:"project_directory"`
	Files            []string `json:"files"`
	EnvFiles         []string `json:"env_files"`
	Profiles         []string `json:"profiles"`
	Name             string   `json:"name"`
	// All keeps the networks, volumes and so on that no service uses. `docker compose up` does not make them.
	All bool `json:"all"`

	// Env holds the variables for Dotenv and Template, Format the `format:` of an entry of `env_file:`.
	Env      map[string]string `json:"env"`
	Dotenv   *string           `json:"dotenv"`
	Format   string            `json:"format"`
	Template *string           `json:"template"`
	YAML     *string           `json:"yaml"`

	// Parse is how to read Value: "command", "duration", "bytes", "port", "volume" or "hosts".
	Parse string `json:"parse"`
	Value any    `json:"value"`

	// Schema asks for the Compose specification itself.
	Schema bool `json:"schema"`
}

type answer map[string]any

// warnings keeps what compose-go logs, for the answer to the request at hand.
type warnings struct{ lines []string }

func (w *warnings) Levels() []logrus.Level { return logrus.AllLevels }

func (w *warnings) Fire(entry *logrus.Entry) error {
	w.lines = append(w.lines, entry.Message)
	return nil
}

func main() {
	// Whatever stands in the variables of who runs this is no part of an answer. Compose expands `~` by HOME.
	os.Clearenv()
	_ = os.Setenv("HOME", "/home/oracle")
	logged := &warnings{}
	dotenv.RegisterFormat("raw", raw)
	logrus.SetOutput(io.Discard)
	logrus.AddHook(logged)

	in, out := bufio.NewReader(os.Stdin), bufio.NewWriter(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			logged.lines = nil
			reply := answered(line)
			if len(logged.lines) > 0 {
				reply["warnings"] = logged.lines
			}
			write(out, reply)
		}
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

// raw is the format of `docker run --env-file`, which compose-go leaves to Compose.
func raw(text io.Reader, _ string, vars map[string]string, lookup func(string) (string, bool)) error {
	lines, err := kvfile.ParseFromReader(text, lookup)
	for _, line := range lines {
		name, value, _ := strings.Cut(line, "=")
		vars[name] = value
	}
	return err
}

func write(out *bufio.Writer, reply answer) {
	encoder := json.NewEncoder(out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(reply); err != nil {
		_ = encoder.Encode(answer{"error": err.Error()})
	}
	_ = out.Flush()
}

func answered(line []byte) (reply answer) {
	defer func() {
		if failure := recover(); failure != nil {
			reply = answer{"error": fmt.Sprintf("panic: %v", failure), "panic": true}
		}
	}()
	var asked request
	if err := json.Unmarshal(line, &asked); err != nil {
		return answer{"error": err.Error()}
	}
	reply, err := asked.answer()
	if err != nil {
		return answer{"error": err.Error()}
	}
	return reply
}

func (r request) answer() (answer, error) {
	lookup := func(name string) (string, bool) {
		value, ok := r.Env[name]
		return value, ok
	}
	switch {
	case r.Dotenv != nil:
		vars := map[string]string{}
		err := dotenv.ParseWithFormat(strings.NewReader(*r.Dotenv), "text", vars, lookup, r.Format)
		return answer{"vars": vars}, err
	case r.Template != nil:
		text, err := template.Substitute(*r.Template, lookup)
		return answer{"text": text}, err
	case r.YAML != nil:
		documents, err := read(*r.YAML)
		return answer{"documents": documents}, err
	case r.Parse != "":
		value, err := r.parsed()
		return answer{"value": value}, err
	case r.Schema:
		return answer{"schema": json.RawMessage(schema.Schema)}, nil
	}
	return r.project()
}

// read gives all documents of a YAML text, with nothing done to them but what go.yaml.in/yaml does.
func read(text string) (documents []any, err error) {
	decoder := yaml.NewDecoder(strings.NewReader(text))
	for {
		var document any
		if err := decoder.Decode(&document); err != nil {
			if errors.Is(err, io.EOF) {
				return documents, nil
			}
			return nil, err
		}
		documents = append(documents, typed(document))
	}
}

// typed writes each single value as its Go type and its text, because JSON knows neither NaN nor times.
func typed(value any) any {
	switch value := value.(type) {
	case map[string]any:
		entries := map[string]any{}
		for key, item := range value {
			entries[key] = typed(item)
		}
		return answer{"type": "map", "entries": entries}
	case []any:
		items := []any{}
		for _, item := range value {
			items = append(items, typed(item))
		}
		return answer{"type": "list", "items": items}
	}
	return answer{"type": fmt.Sprintf("%T", value), "text": fmt.Sprint(value)}
}

func (r request) parsed() (any, error) {
	text, _ := r.Value.(string)
	switch r.Parse {
	case "command":
		var command types.ShellCommand
		err := command.DecodeMapstructure(r.Value)
		return command, err
	case "duration":
		var duration types.Duration
		err := duration.DecodeMapstructure(r.Value)
		return duration, err
	case "bytes":
		var size types.UnitBytes
		err := size.DecodeMapstructure(r.Value)
		return size, err
	case "hosts":
		var hosts types.HostsList
		err := hosts.DecodeMapstructure(r.Value)
		return hosts, err
	case "port":
		return types.ParsePortConfig(text)
	case "volume":
		return format.ParseVolume(text)
	}
	return nil, fmt.Errorf("unknown %q", r.Parse)
}

// project does what `docker compose config` of Compose 5 does, in the same order, without the shell's variables and
// without what it gets from other machines.
func (r request) project() (answer, error) {
	if err := os.Chdir(r.WorkingDir); err != nil {
		return nil, err
	}
	options, err := cli.NewProjectOptions(
		absolute(r.WorkingDir, r.Files),
		cli.WithWorkingDirectory(r.ProjectDirectory),
		cli.WithEnvFiles(r.EnvFiles...),
		cli.WithDotEnv,
		cli.WithConfigFileEnv,
		cli.WithDefaultConfigPath,
		cli.WithEnvFiles(r.EnvFiles...),
		cli.WithDotEnv,
		cli.WithDefaultProfiles(r.Profiles...),
		cli.WithName(r.Name),
	)
	if err != nil {
		return nil, err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return nil, err
	}
	if project.Name == "" {
		return nil, errors.New("project name can't be empty")
	}
	if err := project.CheckContainerNameUnicity(); err != nil {
		return nil, err
	}
	if !r.All {
		project = project.WithoutUnnecessaryResources()
	}
	if project, err = project.WithServicesEnvironmentResolved(true); err != nil {
		return nil, err
	}
	model, err := project.MarshalJSON()
	if err != nil {
		return nil, err
	}
	return answer{
		"project":     json.RawMessage(model),
		"disabled":    project.DisabledServices,
		"working_dir": project.WorkingDir,
	}, nil
}

func absolute(folder string, files []string) []string {
	var all []string
	for _, file := range files {
		if !filepath.IsAbs(file) {
			file = filepath.Join(folder, file)
		}
		all = append(all, file)
	}
	return all
}
